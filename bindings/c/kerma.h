/* kerma.h: radiotherapy dose from DICOM, in C.
 *
 * Not for clinical use without independent commissioning and validation.
 *
 * Objects. A pointer to an opaque struct is an object that a function of this
 * library made. Whoever called that function owns it and gives it back to the
 * matching ..._free, once; freeing NULL does nothing. Strings and views that an
 * object answers belong to it: they stay where they are until it is freed, and
 * are not to be written to or freed.
 *
 * Errors. A function that can fail takes a kerma_error ** last. Pass the
 * address of a pointer that is NULL: on failure it gets an error that the
 * caller frees. Pass NULL to be told by the return value alone: functions that
 * return an object return NULL on failure, those that return a kerma_status
 * return why.
 *
 * Threads. Every function may be called from any thread. One object may be read
 * by several threads at once; it must be freed by one, when no other uses it.
 * After fork() the child may call nothing of this library.
 *
 * Units. mm, degrees, Gy, g/cm3 and monitor units, in the DICOM patient frame
 * (LPS). Strings are UTF-8. Sizes and indices count from 0.
 */
#ifndef KERMA_H
#define KERMA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a program compiled against an older header would no longer run
 * right with a newer library. Compare with kerma_abi() at the start. */
#define KERMA_ABI 1

typedef struct kerma_error kerma_error;
typedef struct kerma_cancel kerma_cancel;
typedef struct kerma_patient kerma_patient;
typedef struct kerma_result kerma_result;
typedef struct kerma_dvh kerma_dvh;
typedef struct kerma_gamma kerma_gamma;
typedef struct kerma_matrix kerma_matrix;

typedef enum kerma_status {
  KERMA_OK = 0,
  KERMA_ERROR_ARGUMENT = 1,   /* a name or a number that was asked for is none */
  KERMA_ERROR_INPUT = 2,      /* a file or a volume is at fault: the message names file, tag and value */
  KERMA_ERROR_NOT_FOUND = 3,  /* what was asked for is not in these files */
  KERMA_ERROR_AMBIGUOUS = 4,  /* there are several, and one was wanted */
  KERMA_ERROR_UNMODELLED = 5, /* a part of the plan changes the dose and is not modelled */
  KERMA_ERROR_CANCELLED = 6,  /* a kerma_cancel or the progress function ended the work */
  KERMA_ERROR_SYSTEM = 7,     /* the system refused: no such file, no permission, disk full */
  KERMA_ERROR_INTERNAL = 8    /* a fault of this library: please report it */
} kerma_status;

/* Voxel values on a regular grid, in memory that somebody else owns. Voxel
 * (i, j, k) is data[i + size[0]*(j + size[1]*k)], its centre
 * origin + i*spacing[0]*axes[0..2] + j*spacing[1]*axes[3..5] + k*spacing[2]*axes[6..8]. */
typedef struct kerma_volume {
  const float *data;
  int64_t size[3];
  double origin[3];  /* mm, centre of voxel 0, 0, 0 */
  double spacing[3]; /* mm */
  double axes[9];    /* unit vectors of the three axes */
} kerma_volume;

/* Told of finished work, 0 to 1, rising, at most 20 times a second, from a
 * thread of the library. A return value other than 0 cancels. */
typedef int (*kerma_progress)(double done, void *user);

/* How a dose is asked for. Fill it with kerma_compute_options_init, then change
 * what should differ. NULL strings stand for the defaults. */
typedef struct kerma_compute_options {
  uint32_t size;              /* of this struct, set by init */
  int32_t plan;               /* index of the plan of the patient */
  const char *engine;         /* "pencil-beam", "collapsed-cone" */
  const char *heterogeneity;  /* correction of the pencil beam */
  const char *machine;        /* "generic", a name, or a machine file */
  const char *calibration;    /* CT calibration: a name or a file */
  const char *roi;            /* compute only around this structure */
  double grid;                /* spacing of the dose grid, mm; 2.5 */
  int32_t fraction_group;     /* number; 0 where the plan has only one */
  int32_t threads;            /* 0: one for each CPU */
  kerma_progress progress;    /* may be NULL */
  void *user;                 /* handed to progress */
  const kerma_cancel *cancel; /* may be NULL */
} kerma_compute_options;

/* How two doses are compared: see kerma_gamma_compute. */
typedef struct kerma_gamma_options {
  uint32_t size;              /* of this struct, set by init */
  double dose_percent;        /* of the normalisation, or of the local dose; 3 */
  double distance;            /* mm; 3 */
  double cutoff_percent;      /* reference points below this share are left out; 10 */
  double max_gamma;           /* largest value looked for; 2 */
  double normalisation;       /* Gy; 0: the maximum of the reference */
  int32_t local;              /* 1: dose_percent of the reference dose at each point */
  int32_t samples;            /* 0: the exact minimum; else samples for each distance criterion */
  int32_t stop_once_passed;   /* 1: values of passing points are upper bounds only */
  int32_t threads;            /* 0: one for each CPU */
  int64_t subset;             /* 0: every point; else so many drawn at random */
  uint64_t seed;              /* of the draw */
  const kerma_cancel *cancel; /* may be NULL */
} kerma_gamma_options;

typedef struct kerma_gamma_summary {
  double pass_rate;     /* points with gamma <= 1, % of points */
  double mean, max;     /* of gamma over the points */
  double normalisation; /* Gy, as applied */
  int64_t points;       /* reference points with a gamma */
  int64_t passed;
  int64_t below_cutoff, no_reference, no_criterion, not_drawn, no_data; /* points without one */
  int64_t unproven;     /* points whose minimum is not proven to be the least */
} kerma_gamma_summary;

/* How a dose-influence matrix is asked for: see kerma_influence. */
typedef struct kerma_influence_options {
  uint32_t size;              /* of this struct, set by init */
  int32_t beams;              /* number of gantry angles */
  const double *gantry;       /* of each beam, degrees */
  const double *couch;        /* of each beam, degrees; NULL: 0 */
  const char *target;         /* structure that the bixels cover; their isocentre is its centre of gravity */
  double bixel;               /* side, mm in the isocentre plane; 5 */
  double margin;              /* around the target, mm; 5 */
  double grid;                /* spacing of the dose grid, mm; 3 */
  const char *engine;         /* NULL strings: the defaults */
  const char *heterogeneity;
  const char *machine;
  const char *calibration;
  double cutoff;              /* mm from a bixel's centre beyond which its dose is left out; 50 */
  double threshold;           /* share of a bixel's largest dose below which dose is left out; 0 */
  int32_t compensate;         /* 1: scales each bixel by what has been left out of it */
  int32_t threads;            /* 0: one for each CPU */
  int64_t max_bytes;          /* of memory for the matrix; 0: no limit */
  kerma_progress progress;    /* may be NULL */
  void *user;                 /* handed to progress */
  const kerma_cancel *cancel; /* may be NULL */
} kerma_influence_options;

/* A matrix by columns (CSC). Column j has the values values[starts[j]] to
 * values[starts[j + 1] - 1], Gy for one monitor unit through bixel j, in the
 * voxels of the same places of indices (x fastest). starts and indices are
 * int32_t or int64_t as index_bytes says. */
typedef struct kerma_csc {
  int64_t rows, columns, entries;
  const float *values;
  const void *starts;
  const void *indices;
  int32_t index_bytes; /* 4 or 8 */
} kerma_csc;

#ifndef KERMA_TYPES_ONLY

/* ---- The library ---- */

uint32_t kerma_abi(void);
const char *kerma_version(void); /* such as "0.6.0" */
const char *kerma_simd(void);    /* vector instructions in use: "generic", "avx2", "avx512" */

/* ---- Errors ---- */

kerma_status kerma_error_status(const kerma_error *error);
const char *kerma_error_message(const kerma_error *error);
void kerma_error_free(kerma_error *error);

/* ---- Cancelling from another thread ---- */

kerma_cancel *kerma_cancel_new(void);
void kerma_cancel_now(kerma_cancel *cancel); /* what works with it ends within 100 ms */
void kerma_cancel_free(kerma_cancel *cancel);

/* ---- A patient: CT, structures, plans and doses of a folder ---- */

kerma_patient *kerma_patient_read(const char *folder, kerma_error **error);
/* One of the embedded patients ("tg119", "lung"), written to the folder first. */
kerma_patient *kerma_patient_demo(const char *name, const char *folder, kerma_error **error);
/* A patient, lying head first and supine, from a CT in memory (HU; copied),
 * structures and a plan as JSON.
 * structures may be NULL; plan is as `kerma dose --plan plan.json` reads it. */
kerma_patient *kerma_patient_new(const kerma_volume *hu, const char *structures, const char *plan, kerma_error **error);
/* The same patient with one plan, as JSON, in place of its own: CT, structures
 * and doses are shared, not copied. Either may be freed first. */
kerma_patient *kerma_patient_with_plan(const kerma_patient *patient, const char *plan, kerma_error **error);
void kerma_patient_free(kerma_patient *patient);

kerma_status kerma_patient_ct(const kerma_patient *patient, kerma_volume *hu, kerma_error **error);
int32_t kerma_patient_plans(const kerma_patient *patient);
const char *kerma_patient_plan(const kerma_patient *patient, int32_t plan); /* label; NULL past the end */
const char *kerma_patient_plan_json(const kerma_patient *patient, int32_t plan, kerma_error **error);
int32_t kerma_patient_structures(const kerma_patient *patient);
const char *kerma_patient_structure(const kerma_patient *patient, int32_t structure); /* name; NULL past the end */
/* Share of each voxel inside a structure, 0 to 1, written to mask: as many
 * values as grid has voxels; grid->data is not looked at. */
kerma_status kerma_patient_mask(const kerma_patient *patient, int32_t structure, const kerma_volume *grid, float *mask, kerma_error **error);
int32_t kerma_patient_doses(const kerma_patient *patient);
kerma_status kerma_patient_dose(const kerma_patient *patient, int32_t dose, kerma_volume *gray, kerma_error **error);
int32_t kerma_patient_warnings(const kerma_patient *patient);
const char *kerma_patient_warning(const kerma_patient *patient, int32_t warning);

/* ---- Dose ---- */

void kerma_compute_options_init(kerma_compute_options *options);
/* options may be NULL. The patient may be freed before the result. */
kerma_result *kerma_compute(const kerma_patient *patient, const kerma_compute_options *options, kerma_error **error);
void kerma_result_free(kerma_result *result);

void kerma_result_dose(const kerma_result *result, kerma_volume *gray); /* Gy, whole course */
const char *kerma_result_provenance(const kerma_result *result);        /* JSON: engine, machines, beams, warnings ... */
int32_t kerma_result_warnings(const kerma_result *result);
const char *kerma_result_warning(const kerma_result *result, int32_t warning);
/* Writes an RTDOSE, whole or not at all, and plan.dcm beside it for a plan that
 * is in no DICOM file. */
kerma_status kerma_result_write(kerma_result *result, const char *path, kerma_error **error);

/* ---- Dose-volume histograms ---- */

kerma_dvh *kerma_dvh_compute(const kerma_patient *patient, const kerma_volume *gray, kerma_error **error);
void kerma_dvh_free(kerma_dvh *dvh);
int32_t kerma_dvh_structures(const kerma_dvh *dvh);
const char *kerma_dvh_structure(const kerma_dvh *dvh, int32_t structure);
double kerma_dvh_volume(const kerma_dvh *dvh, int32_t structure); /* cm3; NaN past the end */
/* "D95", "D2cc", "Dmean", "V20Gy", "V20Gycc" ...: Gy, % or cm3. */
kerma_status kerma_dvh_statistic(const kerma_dvh *dvh, int32_t structure, const char *name, double *value, kerma_error **error);
/* n + 1 points of the cumulative histogram, n of 1 to 10000: the volume (cm3)
 * that receives at least each dose (Gy), from 0 to the highest. */
kerma_status kerma_dvh_curve(const kerma_dvh *dvh, int32_t structure, int32_t n, double *gray, double *cm3, kerma_error **error);

/* ---- Gamma index ---- */

void kerma_gamma_options_init(kerma_gamma_options *options);
/* Exact gamma of every voxel of reference against the interpolated evaluated
 * dose. options may be NULL. The volumes are read in place, not copied. */
kerma_gamma *kerma_gamma_compute(const kerma_volume *reference, const kerma_volume *evaluated, const kerma_gamma_options *options, kerma_error **error);
void kerma_gamma_free(kerma_gamma *gamma);
void kerma_gamma_get(const kerma_gamma *gamma, kerma_gamma_summary *summary);
void kerma_gamma_volume(const kerma_gamma *gamma, kerma_volume *values); /* NaN where there is none */

/* ---- Dose-influence matrices ---- */

void kerma_influence_options_init(kerma_influence_options *options);
kerma_matrix *kerma_influence(const kerma_patient *patient, const kerma_influence_options *options, kerma_error **error);
void kerma_matrix_free(kerma_matrix *matrix);
int64_t kerma_matrix_voxels(const kerma_matrix *matrix);
int64_t kerma_matrix_bixels(const kerma_matrix *matrix);
void kerma_matrix_grid(const kerma_matrix *matrix, kerma_volume *grid); /* its data is NULL */
const char *kerma_matrix_about(kerma_matrix *matrix); /* JSON: engine, machine, beams with their bixels, lost dose, warnings */
/* The first call makes the indices, 4 or 8 bytes an entry; the products need none. */
kerma_status kerma_matrix_csc(kerma_matrix *matrix, kerma_csc *view, kerma_error **error);
/* Dose (Gy, one a voxel) of bixel weights (monitor units, one a bixel), and the
 * derivative by the weights of what has the derivative gradient by the dose. */
kerma_status kerma_matrix_multiply(const kerma_matrix *matrix, const double *weights, float *dose, kerma_error **error);
kerma_status kerma_matrix_multiply_transposed(const kerma_matrix *matrix, const float *gradient, double *weights, kerma_error **error);

#endif /* KERMA_TYPES_ONLY */

#ifdef __cplusplus
}
#endif

#endif
