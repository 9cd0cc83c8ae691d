#!/usr/bin/env python3
"""Time Kerma and other programs on the same cases in the same minutes.

    peers.py install --venv DIR
    peers.py run --venv DIR --kerma PATH --work DIR [--tg119 DIR] [--judge DIR] [--json F] [--markdown F]

`install` makes a virtual environment with the pinned versions of requirements.txt. `run` lets Kerma write the cases
(kerma benchmark speed --export), then runs peer and Kerma turn by turn, each with warm memory, and prints medians,
ratios, and whether both computed the same thing. A peer that is not installed is named and left out.

A peer runs on the threads of --peer-threads (default 1; all but PyDoseRT use one anyway). Kerma runs on one thread and
on all: CPU time is compared thread by thread, wall time with all of Kerma's threads, as a user would run both.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

# case: (peer, job of `kerma benchmark speed`, what)
CASES = {
    "influence-1": ("pyradplan", "influence-1", "influence matrix, TG-119, 1 beam"),
    "influence-5": ("pyradplan", "influence-5", "influence matrix, TG-119, 5 beams"),
    "influence-9": ("pyradplan", "influence-9", "influence matrix, TG-119, 9 beams"),
    "field-fft": ("pydosert", "field-svd", "open 10×10 forward, FFT; SVD machine"),
    "field-6mv-fft": ("pydosert", "field-6mv", "open 10×10 forward, FFT; generic 6 MV machine, of more components"),
    "field-direct": ("pydosert", "field-svd", "open 10×10 forward, direct convolution; SVD machine"),
    "gamma-3-3": ("pymedphys", "gamma-3-3", "gamma 3 %/3 mm, 200×200×150"),
    "gamma-2-2": ("pymedphys", "gamma-2-2", "gamma 2 %/2 mm, 200×200×150"),
    "dvh": ("dicompyler", "dvh", "DVH of all structures"),
}
MODULES = {"pyradplan": "pyRadPlan", "pydosert": "pydosert", "pymedphys": "pymedphys", "dicompyler": "dicompylercore"}


# ---------------------------------------------------------------- install

def groups():
    """The groups of requirements.txt by the word that begins their comment."""
    name, found = None, {}
    for line in (HERE / "requirements.txt").read_text().splitlines():
        line = line.strip()
        if line.startswith("#"):
            word = line.lstrip("# ").split(" ")[0]
            name = word if word in MODULES else None
        elif line and name:
            found.setdefault(name, []).append(line)
    return found


def install(o):
    subprocess.run([sys.executable, "-m", "venv", o.venv], check=True)
    pinned = groups()
    for name, packages in pinned.items():
        constraints = [p for g in pinned.values() for p in g]
        pins = Path(o.venv) / "pins.txt"
        pins.write_text("\n".join(constraints) + "\n")
        done = subprocess.run([python(o), "-m", "pip", "install", "--quiet", "--constraint", str(pins), *packages])
        print(f"{name}: {'installed' if done.returncode == 0 else 'could not be installed'}: {' '.join(packages)}")


def python(o):
    return str(Path(o.venv) / ("Scripts" if os.name == "nt" else "bin") / "python")


# ---------------------------------------------------------------- the peers, in a process of their own

def read(path):
    """An exported volume: values (z, y, x), origin and spacing (x, y, z) in mm."""
    import numpy as np
    about = json.loads(path.with_suffix(".json").read_text())
    return np.load(path.with_suffix(".npy")), about["origin_mm"], about["spacing_mm"]


def pyradplan(case, cases):
    """Influence matrix on the exported phantom with the peer's own machine Generic."""
    import numpy as np
    import SimpleITK as sitk
    import pyRadPlan as rp
    from pyRadPlan.cst import StructureSet, create_voi

    folder, beams = cases / "influence", int(case.split("-")[1])
    about = json.loads((folder / "case.json").read_text())

    def image(name, kind):
        values, origin, spacing = read(folder / name)
        out = sitk.GetImageFromArray(values.astype(kind))
        out.SetOrigin(origin)
        out.SetSpacing(spacing)
        return out

    ct = rp.validate_ct({"cube_hu": image("hu", np.float64)})
    kinds = {"BODY": "EXTERNAL", "OuterTarget": "TARGET", "Core": "OAR"}
    vois = [create_voi(name=n, voi_type=k, ct_image=ct, mask=image(n, np.uint8)) for n, k in kinds.items()]
    cst = StructureSet(vois=vois, ct_image=ct)
    want, origin, spacing = read(folder / f"ones-{beams}")
    plan = rp.PhotonPlan(machine="Generic")
    plan.prop_stf = {
        "gantry_angles": [360 * i / beams for i in range(beams)], "couch_angles": [0] * beams, "bixel_width": 5.0,
        "iso_center": about["isocentre_mm"],
    }
    plan.prop_dose_calc = {"dose_grid": {
        "resolution": dict(zip("xyz", spacing)), "dimensions": want.shape[::-1], "origin": np.array(origin), "direction": np.eye(3),
    }}
    stf = rp.generate_stf(ct, cst, plan)

    def run():
        return rp.calc_dose_influence(ct, cst, stf, plan)

    def check(dij):
        ours = next(r for r in about["results"] if r["beams"] == beams)
        columns = [beam.num_of_rays for beam in stf.beams]
        matrix = dij.physical_dose.flat[0]
        got = np.asarray(matrix.sum(axis=1)).reshape(want.shape)
        dose = want / ours["fluence_per_mu"]
        high = dose > 0.5 * dose.max()
        off = np.abs(got - dose)[high] / dose.max() * 100
        same = columns == ours["columns"] and np.median(off) < 0.5
        return same, (f"bixels {sum(columns):,} and {sum(ours['columns']):,}; entries {matrix.nnz:,} and {ours['entries']:,}; all weights one, "
                      f"above half the maximum: median difference {np.median(off):.2f} %, 99 of 100 voxels within {np.percentile(off, 99):.2f} % of maximum")

    return run, check


def pydosert(case, cases):
    """Open field with the peer's own 10 MV machine. Its geometry is made once, before the clock runs; Kerma's each time."""
    import numpy as np
    import torch
    from pydosert.data import Beam, MachineConfig
    from pydosert.engine.dose_engine import DoseEngine

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    density, origin, spacing = read(cases / "field" / "density")
    about = json.loads((cases / "field" / "case.json").read_text())
    # Axes as the peer has them: z, y, x; places from the corner of the grid.
    place = [(about["isocentre_mm"][a] - origin[a]) + spacing[a] / 2 for a in (2, 1, 0)]
    machine = MachineConfig(preset="varian_10MV")
    half = about["field_mm"] / 2
    beam = Beam.create(0.0, machine.number_of_leaf_pairs, iso_center=tuple(place), device="cpu", requires_grad=False)
    beam.leaf_positions[:, 0], beam.leaf_positions[:, 1] = -half, half
    beam.jaw_positions[0], beam.jaw_positions[1] = -half, half
    kernel = 2 * int(150 / spacing[0]) + 1
    engine = DoseEngine(machine, kernel, tuple(spacing[::-1]), density.shape, beam_template=beam, device="cpu",
                        dtype=torch.float32, conv_backend="fft" if case.endswith("fft") else "direct")
    water = torch.from_numpy(density)

    def run():
        with torch.no_grad():
            return engine.compute_dose(beam, density_image=water)

    def check(dose):
        ours, _, _ = read(cases / "field" / "dose")
        theirs = dose.detach().numpy().reshape(density.shape)
        k, j, i = (int(p / s) for p, s in zip(place, spacing[::-1]))

        def width(line):
            middle = line[i - 5:i + 6].mean()
            inside = np.flatnonzero(line >= middle / 2)
            lo, hi = inside[0], inside[-1]
            left = lo - (line[lo] - middle / 2) / (line[lo] - line[lo - 1])
            right = hi + (line[hi] - middle / 2) / (line[hi] - line[hi + 1])
            return (right - left) * spacing[0]

        a, b = width(theirs[k, j]), width(ours[k, j])
        return abs(a - b) < 5, f"another machine (10 MV), so only the field is compared: width at the isocentre {a:.1f} and {b:.1f} mm"

    return run, check


def pymedphys(case, cases):
    """Gamma with ten samples per distance, as it comes."""
    import numpy as np
    import pymedphys as peer

    percent, distance = (int(n) for n in case.split("-")[1:])
    reference, origin, spacing = read(cases / "gamma" / "reference")
    evaluation, _, _ = read(cases / "gamma" / "evaluation")
    axes = tuple(origin[a] + spacing[a] * np.arange(reference.shape[2 - a]) for a in (2, 1, 0))

    def run():
        return peer.gamma(axes, reference, axes, evaluation, percent, distance, lower_percent_dose_cutoff=10, interp_fraction=10, max_gamma=2, quiet=True)

    def check(gamma):
        results = json.loads((cases / "gamma" / "case.json").read_text())["results"]
        ours = next(r for r in results if r["dose_percent"] == percent)
        valid = gamma[~np.isnan(gamma)]
        rate = 100 * np.mean(valid <= 1)
        # Samples can only lie above the exact minimum.
        same = valid.size == ours["points"] and -1e-9 <= ours["pass_rate"] - rate < 1.7
        return same, f"points {valid.size:,} and {ours['points']:,}; pass {rate:.3f} and {ours['pass_rate']:.3f} % (exact); mean {valid.mean():.4f} and {ours['mean']:.4f}"

    return run, check


def dicompyler(case, cases, judge=None):
    """Histograms of all structures of an RTSTRUCT in an RTDOSE, both read before the clock runs."""
    from dicompylercore import dicomparser, dvhcalc

    folder = Path(judge) if judge else cases / "dvh"
    structures = doses = None
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".json":
            try:
                data = dicomparser.DicomParser(str(path))
                kind = data.GetSOPClassUID()
            except Exception:
                continue
            structures = data if kind == "rtss" else structures
            doses = data if kind == "rtdose" else doses
    listed = structures.GetStructures()

    def run():
        return {roi["name"]: dvhcalc.get_dvh(structures.ds, doses.ds, number) for number, roi in listed.items()}

    def check(histograms):
        ours = {s["name"]: s for s in json.loads((cases / "dvh" / "case.json").read_text())["structures"] if s.get("mean_gy") is not None}
        worst, volume, n = 0.0, 0.0, 0
        highest = max(s["max_gy"] for s in ours.values())
        for name, h in histograms.items():
            # The peer rasters on the dose grid: what is no larger than some voxels it sees coarsely.
            if name in ours and ours[name]["volume_cm3"] > 5:
                worst = max(worst, abs(h.mean - ours[name]["mean_gy"]) / highest * 100)
                volume = max(volume, abs(h.volume - ours[name]["volume_cm3"]) / ours[name]["volume_cm3"] * 100)
                n += 1
        return n > 0 and worst < 1, f"{n} structures over 5 cm³; largest difference of a mean {worst:.2f} % of the maximum, of a volume {volume:.1f} %"

    return run, check


def worker(o):
    """Runs the case once for each line on standard input, and answers in JSON."""
    import resource
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(**what):
        answer.write(json.dumps(what) + "\n")
        answer.flush()

    try:
        prepare = globals()[CASES[o.case][0]]
        run, check = prepare(o.case, Path(o.cases), o.judge) if o.case == "dvh" else prepare(o.case, Path(o.cases))
        first = run()  # compiles what is compiled, and warms the memory
        same, text = check(first)
        del first
    except Exception as err:  # whatever a peer raises is its answer
        say(error=f"{type(err).__name__}: {err}")
        return
    say(same=bool(same), text=text)
    for _ in sys.stdin:
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        result = run()
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        del result
        say(wall=wall, user=after.ru_utime - before.ru_utime, system=after.ru_stime - before.ru_stime,
            peak=after.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


# ---------------------------------------------------------------- run

class Peer:
    """A peer at work on a case."""

    def __init__(self, o, case, cases):
        env = dict(os.environ, TQDM_DISABLE="1", PYTHONWARNINGS="ignore")
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
            env[name] = str(o.peer_threads)
        self.log = open(Path(o.work) / f"{case}.log", "w")
        command = [python(o), str(HERE / "peers.py"), "worker", "--case", case, "--cases", str(cases)]
        if o.judge:
            command += ["--judge", o.judge]
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.ready = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended, see {self.log.name}"}

    def once(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def sources(o):
    out = []
    if o.tg119:
        out += ["--patient", o.tg119]
    if o.judge:
        out += ["--judge", o.judge]
    return out


def kerma_once(o, job):
    """One turn of Kerma: timings by number of threads."""
    out = subprocess.run([o.kerma, "benchmark", "speed", "--jobs", job, "--repeat", "1", "--json", "-", *sources(o)],
                         check=True, capture_output=True, text=True).stdout
    return {t["threads"]: t for t in json.loads(out)["jobs"]}


def missing(o, peer):
    done = subprocess.run([python(o), "-c", f"import {MODULES[peer]}"], capture_output=True) if Path(python(o)).exists() else None
    return done is None or done.returncode != 0


def compare(o, case, cases):
    peer, job, what = CASES[case]
    if missing(o, peer):
        return {"case": case, "peer": peer, "what": what, "error": "not installed"}
    at_work = Peer(o, case, cases)
    try:
        if "error" in at_work.ready:
            return {"case": case, "peer": peer, "what": what, "error": at_work.ready["error"]}
        theirs, ours, began = [], [], time.monotonic()
        while len(theirs) < o.repeat and (not theirs or time.monotonic() - began < o.seconds):
            turn = at_work.once()
            if "error" in turn:
                return {"case": case, "peer": peer, "what": what, "error": turn["error"]}
            theirs.append(turn)
            ours.append(kerma_once(o, job))
    finally:
        at_work.close()

    def median(values):
        return statistics.median(values)

    one, most = min(ours[0]), max(ours[0])
    row = {
        "case": case, "peer": peer, "what": what, "turns": len(theirs), **at_work.ready,
        "peer_cpu_s": median(t["user"] + t["system"] for t in theirs), "peer_wall_s": median(t["wall"] for t in theirs),
        "peer_peak_b": max(t["peak"] for t in theirs), "threads": most,
    }
    for name, n in (("one", one), ("all", most)):
        row[f"kerma_{name}_cpu_s"] = median(t[n]["user_s"] + t[n]["system_s"] for t in ours)
        row[f"kerma_{name}_wall_s"] = median(t[n]["wall_s"] for t in ours)
    row["kerma_peak_b"] = max(t[most]["peak_b"] or 0 for t in ours)
    row["cpu_ratio"] = row["peer_cpu_s"] / row["kerma_one_cpu_s"]
    row["wall_ratio"] = row["peer_wall_s"] / row["kerma_all_wall_s"]
    return row


def figure(s):
    return f"{s * 1000:.3g} ms" if s < 1 else f"{s:.3g} s"


def table(rows):
    lines = ["| case | against | CPU | wall | peak | Kerma CPU, 1 thread | wall, all threads | peak | CPU ratio | wall ratio | turns | the same? |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"]
    for r in rows:
        if "error" in r:
            lines.append(f"| {r['what']} | {r['peer']} | not run: {r['error'].splitlines()[0][:160]} | | | | | | | | | |")
            continue
        lines.append(
            f"| {r['what']} | {r['peer']} | {figure(r['peer_cpu_s'])} | {figure(r['peer_wall_s'])} | {r['peer_peak_b'] / 1e9:.2f} GB "
            f"| {figure(r['kerma_one_cpu_s'])} | {figure(r['kerma_all_wall_s'])} | {r['kerma_peak_b'] / 1e9:.2f} GB "
            f"| {r['cpu_ratio']:.0f} | {r['wall_ratio']:.0f} | {r['turns']} | {'yes' if r['same'] else 'NO'}: {r['text']} |")
    return "\n".join(lines) + "\n"


BEGIN, END = "<!-- peers.py: made by this script, edits are lost -->\n", "<!-- /peers.py -->\n"


def document(path, text):
    """Puts the text between its two lines of the document; the rest stays."""
    path = Path(path)
    before, after = "", ""
    if path.exists():
        before, begun, rest = path.read_text().partition(BEGIN)
        _, ended, after = rest.partition(END)
        if not begun or not ended:
            sys.exit(f"{path} has no place for the table: add the lines\n{BEGIN}{END}")
    part = path.with_name(path.name + ".part")
    part.write_text(before + BEGIN + text + END + after)
    part.replace(path)


def run(o):
    chosen = [c for c in CASES if not o.cases or c in o.cases.split(",")]
    work = Path(o.work)
    work.mkdir(parents=True, exist_ok=True)
    cases = work / "cases"
    if cases.exists():
        shutil.rmtree(cases)
    print("Kerma writes the cases …", file=sys.stderr, flush=True)
    subprocess.run([o.kerma, "benchmark", "speed", "--export", str(cases), *sources(o)], check=True)
    rows = []
    for case in chosen:
        print(f"{case} …", file=sys.stderr, flush=True)
        rows.append(compare(o, case, cases))
        if o.json:  # what has been measured is kept if the rest is not waited for
            Path(o.json).write_text(json.dumps(rows, indent=1) + "\n")
    text = table(rows)
    print(text)
    print("matRad: not run, there is no " + ("case for it in this script" if shutil.which("octave") else "Octave here"))
    if o.markdown:
        versions = ", ".join(p for g in groups().values() for p in g)
        document(o.markdown, f"Made by `benchmarks/peers/peers.py run`: {versions}; peers on {o.peer_threads} thread.\n\n{text}")
    sys.exit(0 if all(r.get("same", True) for r in rows) else 3)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="command", required=True)
    i = sub.add_parser("install", help="make the virtual environment")
    i.add_argument("--venv", required=True)
    r = sub.add_parser("run", help="time and compare")
    r.add_argument("--venv", required=True)
    r.add_argument("--kerma", required=True, help="the command to time")
    r.add_argument("--work", required=True, help="folder for the cases and logs; what lies in its folder cases is replaced")
    r.add_argument("--tg119", help="folder of the whole TG-119 phantom as DICOM (default: the slices that come with Kerma)")
    r.add_argument("--judge", help="folder with an RTSTRUCT and an RTDOSE, for the DVH (default: the phantom in a dose made in code)")
    r.add_argument("--cases", help="only these, separated by commas: " + ", ".join(CASES))
    r.add_argument("--repeat", type=int, default=5, help="turns of each case (default 5)")
    r.add_argument("--seconds", type=float, default=300, help="no further turn of a case after this time (default 300)")
    r.add_argument("--peer-threads", type=int, default=1)
    r.add_argument("--json", help="write the figures to this file")
    r.add_argument("--markdown", help="write the table into this document, between its two lines")
    w = sub.add_parser("worker")
    w.add_argument("--case", required=True, choices=CASES)
    w.add_argument("--cases", required=True)
    w.add_argument("--judge")
    o = p.parse_args()
    {"install": install, "run": run, "worker": worker}[o.command](o)


if __name__ == "__main__":
    main()
