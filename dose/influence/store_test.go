package influence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kerma-rt/kerma/dose"
	"github.com/kerma-rt/kerma/dose/influence"
	"github.com/kerma-rt/kerma/geometry"
)

// tight limits memory so that the matrix of layered takes several blocks.
const tight = 2 << 20

func made(t testing.TB, r influence.Request, folder string) *influence.Store {
	t.Helper()
	stream, err := influence.NewStream(t.Context(), r, folder)
	require.NoError(t, err)
	store, err := stream.Make(t.Context())
	require.NoError(t, err)
	return store
}

// files is the content of the blocks of a folder, by name.
func files(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.block"))
	require.NoError(t, err)
	content := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		content[filepath.Base(name)] = b
	}
	return content
}

type operator interface {
	Columns() int
	Voxels() int
	Multiply(dose []float32, weights []float64) error
	MultiplyTransposed(gradient []float64, doseGradient []float32) error
}

// products is both of some weights and gradients that are always the same.
func products(t testing.TB, m operator) ([]float32, []float64) {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 6))
	weights, change := make([]float64, m.Columns()), make([]float32, m.Voxels())
	for i := range weights {
		weights[i] = random.Float64()
	}
	for i := range change {
		change[i] = float32(random.NormFloat64())
	}
	dose, gradient := make([]float32, m.Voxels()), make([]float64, m.Columns())
	require.NoError(t, m.Multiply(dose, weights))
	require.NoError(t, m.MultiplyTransposed(gradient, change))
	return dose, gradient
}

func requireSameProducts(t testing.TB, a, b operator) {
	t.Helper()
	doseA, gradientA := products(t, a)
	doseB, gradientB := products(t, b)
	require.True(t, slices.Equal(doseA, doseB), "another dose")
	require.True(t, slices.Equal(gradientA, gradientB), "another gradient")
	require.Greater(t, slices.Max(doseA), float32(0))
}

func TestStoreGivesTheBitsOfTheMatrix(t *testing.T) {
	r := layered(t)
	for name, change := range map[string]func(*influence.Request){
		"all":         func(*influence.Request) {},
		"threshold":   func(r *influence.Request) { r.Threshold = 0.02 },
		"compensated": func(r *influence.Request) { r.Threshold, r.Compensate = 0.02, true },
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "compensated" {
				t.Skip("makes a matrix three times")
			}
			r := r
			change(&r)
			matrix, err := influence.Compute(t.Context(), r)
			require.NoError(t, err)
			r.MaxBytes = tight
			for _, threads := range []int{1, 3} {
				r.Threads = threads
				folder := t.TempDir()
				store := made(t, r, folder)
				require.Greater(t, len(files(t, folder)), 2*len(r.Beams), "several blocks a beam")
				require.EqualValues(t, matrix.Entries(), store.Entries())
				require.Equal(t, matrix.Lost, store.Lost)
				require.Equal(t, matrix.Grid, store.Grid)
				require.Equal(t, matrix.Warnings, store.Warnings)
				requireSameProducts(t, matrix, store)
				opened, err := influence.Open(folder)
				require.NoError(t, err)
				require.Equal(t, matrix.Beams, opened.Beams)
				require.Equal(t, matrix.Provenance.Machines, opened.Provenance.Machines)
				requireSameProducts(t, matrix, opened)
			}
		})
	}
}

// One product needs the other's rows.
func TestRowsGiveTheDoseOfTheMatrix(t *testing.T) {
	matrix, err := influence.Compute(t.Context(), layered(t))
	require.NoError(t, err)
	rows, err := matrix.Rows(t.Context())
	require.NoError(t, err)
	require.Len(t, rows.Value, matrix.Entries())
	weights := make([]float64, matrix.Columns())
	for j := range weights {
		weights[j] = float64(j%7) / 7
	}
	want, got := make([]float32, matrix.Voxels()), make([]float32, matrix.Voxels())
	require.NoError(t, matrix.Multiply(want, weights))
	require.NoError(t, rows.Multiply(got, weights))
	requireClose(t, want, got)
	require.ErrorIs(t, rows.Multiply(got, weights[1:]), influence.ErrLength)
}

// requireClose asks for doses equal to a millionth of the largest.
func requireClose(t testing.TB, want, got []float32) {
	t.Helper()
	require.Len(t, got, len(want))
	most := slices.Max(want)
	for i := range want {
		if d := want[i] - got[i]; max(d, -d) > 1e-6*most {
			t.Fatalf("voxel %d: %v Gy, expected %v, at most %v", i, got[i], want[i], most)
		}
	}
}

func TestProductsRefuseVectorsAndMatricesThatDoNotFit(t *testing.T) {
	r := layered(t)
	matrix, err := influence.Compute(t.Context(), r)
	require.NoError(t, err)
	store := made(t, r, t.TempDir())
	for _, m := range []operator{matrix, store} {
		dose, weights := make([]float32, m.Voxels()), make([]float64, m.Columns())
		assert.ErrorIs(t, m.Multiply(dose[1:], weights), influence.ErrLength)
		assert.ErrorIs(t, m.Multiply(dose, weights[1:]), influence.ErrLength)
		assert.ErrorIs(t, m.MultiplyTransposed(weights, dose[1:]), influence.ErrLength)
		assert.ErrorIs(t, m.MultiplyTransposed(weights[1:], dose), influence.ErrLength)
	}
	dose, weights := make([]float32, matrix.Voxels()), make([]float64, matrix.Columns())
	matrix.Run[3].End = int32(matrix.Voxels()) + 1
	assert.ErrorIs(t, matrix.Multiply(dose, weights), influence.ErrMatrix)
	assert.ErrorIs(t, matrix.MultiplyTransposed(weights, dose), influence.ErrMatrix)
	assert.ErrorIs(t, matrix.WriteNPZ(t.Context(), io.Discard), influence.ErrMatrix)
	_, err = matrix.Rows(t.Context())
	assert.ErrorIs(t, err, influence.ErrMatrix)
}

func TestInterruptedStreamGoesOnToTheSameFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("makes the matrix many times")
	}
	r := layered(t)
	r.MaxBytes = tight
	whole := t.TempDir()
	made(t, r, whole)
	want := files(t, whole)

	folder := t.TempDir()
	last := 0.0
	for attempts := 0; ; attempts++ {
		require.Less(t, attempts, 100)
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := influence.NewStream(ctx, r, folder)
		require.NoError(t, err)
		// Every attempt gets a little further.
		kept := len(files(t, folder))
		go func() {
			for ctx.Err() == nil && len(files(t, folder)) == kept {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		_, err = stream.Make(ctx)
		cancel()
		share := float64(stream.Size.Kept) / float64(stream.Size.Bytes)
		require.GreaterOrEqual(t, share, last)
		last = share
		if err == nil {
			require.Positive(t, attempts, "never interrupted")
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		_, err = influence.Open(folder)
		require.ErrorIs(t, err, influence.ErrUnfinished)
	}
	require.Equal(t, want, files(t, folder))
}

// The test program is its own child process: it makes the matrix slowly until
// it is killed.
const childFolder = "KERMA_TEST_INFLUENCE_FOLDER"

func TestKilledStreamGoesOnToTheSameFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process")
	}
	r := layered(t)
	r.MaxBytes = tight
	if folder := os.Getenv(childFolder); folder != "" {
		r.Engine = slow{}
		made(t, r, folder)
		t.Fatal("not killed")
	}
	r.Engine = slow{}
	whole := t.TempDir()
	store := made(t, r, whole)

	folder := filepath.Join(t.TempDir(), "matrix")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestKilledStreamGoesOnToTheSameFiles$")
	child.Env = append(os.Environ(), childFolder+"="+folder)
	require.NoError(t, child.Start())
	for began := time.Now(); len(files(t, folder)) < 3; time.Sleep(time.Millisecond) {
		require.Less(t, time.Since(began), time.Minute)
	}
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	kept := len(files(t, folder))
	require.Less(t, kept, len(files(t, whole)), "killed too late")

	stream, err := influence.NewStream(t.Context(), r, folder)
	require.NoError(t, err)
	require.Positive(t, stream.Size.Kept)
	require.Less(t, stream.Size.Kept, stream.Size.Bytes)
	resumed, err := stream.Make(t.Context())
	require.NoError(t, err)
	require.Equal(t, files(t, whole), files(t, folder))
	requireSameProducts(t, store, resumed)
}

// slow is the pencil beam after a rest.
type slow struct{ dose.PencilBeam }

func (s slow) Beamlets(ctx context.Context, r dose.BeamletRequest) (*dose.BeamletResult, error) {
	if os.Getenv(childFolder) != "" {
		time.Sleep(50 * time.Millisecond)
	}
	return s.PencilBeam.Beamlets(ctx, r)
}

func TestFinishedBlocksAreMadeAgainOnlyIfDamaged(t *testing.T) {
	r := layered(t)
	r.MaxBytes = tight
	folder := t.TempDir()
	counting := &counted{}
	r.Engine = counting
	made(t, r, folder)
	want := files(t, folder)
	counting.calls.Store(0)
	made(t, r, folder)
	require.Zero(t, counting.calls.Load(), "finished blocks made again")
	names := []string{}
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	flipped := slices.Clone(want[names[1]])
	flipped[len(flipped)-3] ^= 1
	require.NoError(t, os.WriteFile(filepath.Join(folder, names[1]), flipped, 0o644))
	store, err := influence.Open(folder)
	require.NoError(t, err)
	require.ErrorIs(t, store.Multiply(make([]float32, store.Voxels()), make([]float64, store.Columns())), influence.ErrStore)
	require.NoError(t, os.Truncate(filepath.Join(folder, names[2]), 100))
	require.NoError(t, os.Remove(filepath.Join(folder, names[4])))
	_, err = influence.Open(folder)
	require.ErrorIs(t, err, influence.ErrStore)
	made(t, r, folder)
	require.EqualValues(t, 3, counting.calls.Load())
	require.Equal(t, want, files(t, folder))
}

type counted struct {
	dose.PencilBeam
	calls atomic.Int32
}

func (c *counted) GoString() string { return "counted" }

func (c *counted) Beamlets(ctx context.Context, r dose.BeamletRequest) (*dose.BeamletResult, error) {
	c.calls.Add(1)
	return c.PencilBeam.Beamlets(ctx, r)
}

func TestDamagedFilesAreTypedErrors(t *testing.T) {
	r := layered(t)
	r.Beams = r.Beams[:1]
	r.MaxBytes = tight
	pristine := t.TempDir()
	made(t, r, pristine)
	first := "columns-00000000.block"
	replace := func(file string, change func([]byte) []byte) func(t *testing.T, folder string) {
		return func(t *testing.T, folder string) {
			path := filepath.Join(folder, file)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, change(b), 0o644))
		}
	}
	// index changes the index as JSON.
	index := func(change func(blocks []map[string]any, all map[string]any)) func(t *testing.T, folder string) {
		return func(t *testing.T, folder string) {
			replace("index.json", func(b []byte) []byte {
				var all map[string]any
				require.NoError(t, json.Unmarshal(b, &all))
				var blocks []map[string]any
				for _, one := range all["blocks"].([]any) {
					blocks = append(blocks, one.(map[string]any))
				}
				change(blocks, all)
				b, err := json.Marshal(all)
				require.NoError(t, err)
				return b
			})(t, folder)
		}
	}
	for name, spoil := range map[string]func(t *testing.T, folder string){
		"block truncated":    replace(first, func(b []byte) []byte { return b[:len(b)-1] }),
		"block with more":    replace(first, func(b []byte) []byte { return append(b, 0) }),
		"block empty":        replace(first, func([]byte) []byte { return nil }),
		"one bit of a value": replace(first, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		"other magic":        replace(first, func(b []byte) []byte { b[0] = 'K'; return b }),
		"other columns":      replace(first, func(b []byte) []byte { b[8]++; return b }),
		"huge entries":       replace(first, func(b []byte) []byte { copy(b[24:32], bytes.Repeat([]byte{0x7f}, 8)); return b }),
		"negative start":     replace(first, func(b []byte) []byte { b[47] = 0xff; return b }),
		"index empty":        replace("index.json", func([]byte) []byte { return nil }),
		"index cut":          replace("index.json", func(b []byte) []byte { return b[:len(b)/2] }),
		"index no JSON":      replace("index.json", func([]byte) []byte { return []byte("columns") }),
		"other format":       index(func(_ []map[string]any, all map[string]any) { all["format"] = "2" }),
		"huge grid": index(func(_ []map[string]any, all map[string]any) {
			all["grid"].(map[string]any)["size"] = []int{1 << 20, 1 << 20, 1}
		}),
		"no grid":       index(func(_ []map[string]any, all map[string]any) { delete(all, "grid") }),
		"no blocks":     index(func(_ []map[string]any, all map[string]any) { delete(all, "blocks") }),
		"huge block":    index(func(b []map[string]any, _ map[string]any) { b[0]["entries"] = int64(1) << 62 }),
		"a large block": index(func(b []map[string]any, _ map[string]any) { b[0]["entries"] = b[0]["entries"].(float64) + 1e5 }),
		"negative runs": index(func(b []map[string]any, _ map[string]any) { b[0]["runs"] = -1 }),
		"gap":           index(func(b []map[string]any, _ map[string]any) { b[1]["from"] = b[1]["from"].(float64) + 1 }),
		"short hash":    index(func(b []map[string]any, _ map[string]any) { b[0]["sha256"] = "ab" }),
		"other hash":    index(func(b []map[string]any, _ map[string]any) { b[0]["sha256"] = strings.Repeat("ab", 32) }),
		"lost shares":   index(func(b []map[string]any, _ map[string]any) { b[0]["lost"] = []int{} }),
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.CopyFS(folder, os.DirFS(pristine)))
			spoil(t, folder)
			store, err := influence.Open(folder)
			if err == nil {
				err = store.Multiply(make([]float32, store.Voxels()), make([]float64, store.Columns()))
				require.Error(t, store.WriteNPZ(t.Context(), io.Discard))
			}
			require.ErrorIs(t, err, influence.ErrStore)
		})
	}
	_, err := influence.Open(t.TempDir())
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// What files say, it is a matrix or an error.
func FuzzStore(f *testing.F) {
	r := layered(f)
	r.Beams = r.Beams[:1]
	folder := f.TempDir()
	made(f, r, folder)
	index, err := os.ReadFile(filepath.Join(folder, "index.json"))
	require.NoError(f, err)
	block := files(f, folder)["columns-00000000.block"]
	f.Add(index, block)
	f.Add(index[:len(index)-9], block)
	f.Add(bytes.ReplaceAll(index, []byte("0"), []byte("9")), block)
	f.Add(bytes.Replace(index, []byte(`"entries": `), []byte(`"entries": 9`), 1), block)
	f.Fuzz(func(t *testing.T, index, block []byte) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "index.json"), index, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "columns-00000000.block"), block, 0o644))
		store, err := influence.Open(folder)
		if err == nil && store.Voxels() < 1e6 && store.Columns() < 1e5 {
			err = store.Multiply(make([]float32, store.Voxels()), make([]float64, store.Columns()))
		}
		if err != nil && !errors.Is(err, influence.ErrStore) && !errors.Is(err, influence.ErrUnfinished) {
			t.Fatal(err)
		}
	})
}

func TestFolderOfAnotherMatrixIsLeftAlone(t *testing.T) {
	r := layered(t)
	folder := t.TempDir()
	made(t, r, folder)
	want := files(t, folder)
	for name, change := range map[string]func(*influence.Request){
		"density": func(r *influence.Request) {
			tissue := *r.Tissue
			density := geometry.NewVolume(tissue.ElectronDensity.Grid)
			copy(density.Data, tissue.ElectronDensity.Data)
			density.Data[1234] += 1e-6
			tissue.ElectronDensity = density
			r.Tissue = &tissue
		},
		"bixel":     func(r *influence.Request) { r.Beams = r.Beams[:2] },
		"pose":      func(r *influence.Request) { r.Beams = slices.Clone(r.Beams); r.Beams[0].Pose.GantryDeg += 1e-9 },
		"cutoff":    func(r *influence.Request) { r.Cutoff = 31 },
		"threshold": func(r *influence.Request) { r.Threshold = 0.01 },
		"scaled":    func(r *influence.Request) { r.Compensate = true },
		"engine":    func(r *influence.Request) { r.Engine = dose.CollapsedCone{} },
		"option":    func(r *influence.Request) { r.Engine = dose.PencilBeam{ArcStepDeg: 1} },
		"machine":   func(r *influence.Request) { m := *r.Machine; m.Hash = "other"; r.Machine = &m },
		"grid":      func(r *influence.Request) { r.Grid, _ = r.Grid.WithSpacing([3]float64{6, 6, 6}) },
	} {
		r := r
		change(&r)
		_, err := influence.NewStream(t.Context(), r, folder)
		require.ErrorIs(t, err, influence.ErrOther, name)
	}
	require.Equal(t, want, files(t, folder))

	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "CT.dcm"), nil, 0o644))
	_, err := influence.NewStream(t.Context(), r, other)
	require.ErrorIs(t, err, influence.ErrOther)
	require.NoFileExists(t, filepath.Join(other, "index.json"))
}

func TestStreamRefusesWhatCannotBe(t *testing.T) {
	good := layered(t)
	for name, change := range map[string]func(*influence.Request){
		"no tissue":     func(r *influence.Request) { r.Tissue = nil },
		"no machine":    func(r *influence.Request) { r.Machine = nil },
		"no beams":      func(r *influence.Request) { r.Beams = nil },
		"threshold":     func(r *influence.Request) { r.Threshold = 1 },
		"negative size": func(r *influence.Request) { r.MaxBytes = -1 },
	} {
		r := good
		change(&r)
		_, err := influence.NewStream(t.Context(), r, filepath.Join(t.TempDir(), "new"))
		assert.ErrorIs(t, err, dose.ErrRequest, name)
	}
	r := good
	r.MaxBytes = 1000
	var size *influence.SizeError
	_, err := influence.NewStream(t.Context(), r, t.TempDir())
	require.ErrorAs(t, err, &size)
	assert.Greater(t, size.Needed, size.Allowed)

	store := made(t, good, t.TempDir())
	store.MaxBytes = 1000
	require.ErrorAs(t, store.Multiply(make([]float32, store.Voxels()), make([]float64, store.Columns())), &size)
}

func TestExpectationIsOfTheOrderOfWhatItTakes(t *testing.T) {
	r := layered(t)
	folder := t.TempDir()
	stream, err := influence.NewStream(t.Context(), r, folder)
	require.NoError(t, err)
	expected, err := stream.Expect(t.Context())
	require.NoError(t, err)
	require.Positive(t, expected)
	began := time.Now()
	_, err = stream.Make(t.Context())
	require.NoError(t, err)
	t.Logf("expected %v, took %v", expected, time.Since(began))
	stream, err = influence.NewStream(t.Context(), r, folder)
	require.NoError(t, err)
	require.Equal(t, stream.Size.Bytes, stream.Size.Kept)
	expected, err = stream.Expect(t.Context())
	require.NoError(t, err)
	require.Zero(t, expected, "nothing is left to do")
}

// In fake time, which computing takes none of.
func TestSlowEnginesLoseAMinuteAtMostAndAreExpectedRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := layered(t)
		r.Engine = resting{rest: 5 * time.Second}
		folder := t.TempDir()
		stream, err := influence.NewStream(t.Context(), r, folder)
		require.NoError(t, err)
		expected, err := stream.Expect(t.Context())
		require.NoError(t, err)
		began := time.Now()
		_, err = stream.Make(t.Context())
		require.NoError(t, err)
		require.Equal(t, time.Duration(stream.Size.Columns)*5*time.Second, expected)
		require.Equal(t, expected, time.Since(began))
		blocks := 0
		for _, b := range r.Beams {
			blocks += (len(b.Centre) + 11) / 12
		}
		require.Len(t, files(t, folder), blocks)
	})
}

// resting takes a rest after each bixel.
type resting struct {
	dose.PencilBeam
	rest time.Duration
}

func (e resting) Beamlets(ctx context.Context, r dose.BeamletRequest) (*dose.BeamletResult, error) {
	result, err := e.PencilBeam.Beamlets(ctx, r)
	if err == nil {
		time.Sleep(e.rest * time.Duration(r.To-r.From))
	}
	return result, err
}

func TestProgressRisesToOne(t *testing.T) {
	r := layered(t)
	r.MaxBytes = tight
	last := -1.0
	r.Progress = func(done float64) {
		assert.GreaterOrEqual(t, done, last)
		last = done
	}
	made(t, r, t.TempDir())
	require.Equal(t, 1.0, last)
}

var errFull = errors.New("no space left")

// full fails after so many bytes.
type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWritingThatFailsIsTold(t *testing.T) {
	matrix, err := influence.Compute(t.Context(), layered(t))
	require.NoError(t, err)
	var whole bytes.Buffer
	require.NoError(t, matrix.WriteNPZ(t.Context(), &whole))
	for n := range 40 {
		require.ErrorIs(t, matrix.WriteNPZ(t.Context(), &full{left: whole.Len() * n / 40}), errFull, "part %d of 40", n)
	}
	require.NoError(t, matrix.WriteNPZ(t.Context(), &full{left: whole.Len()}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, matrix.WriteNPZ(ctx, io.Discard), context.Canceled)
}
