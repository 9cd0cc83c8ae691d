/* Calls every function of the library, well and badly. */
#include <kerma.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures;
#define CHECK(x) \
  do { \
    if (!(x)) { \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
      failures++; \
    } \
  } while (0)

#define N 24
static float hu[N * N * N];

/* A cube of water of 96 mm in air. */
static kerma_volume water(void) {
  kerma_volume v;
  int i, j, k;
  memset(&v, 0, sizeof v);
  for (k = 0; k < N; k++)
    for (j = 0; j < N; j++)
      for (i = 0; i < N; i++)
        hu[i + N * (j + N * k)] = (i < 2 || j < 2 || k < 2 || i >= N - 2 || j >= N - 2 || k >= N - 2) ? -1000 : 0;
  v.data = hu;
  for (i = 0; i < 3; i++) {
    v.size[i] = N;
    v.spacing[i] = 4.8;
    v.origin[i] = -4.8 * (N - 1) / 2;
    v.axes[4 * i] = 1;
  }
  return v;
}

static const char structures[] =
    "{\"structures\": [{\"name\": \"cube\", \"role\": \"EXTERNAL\", \"contours\": ["
    "[[-40,-40,-40],[40,-40,-40],[40,40,-40],[-40,40,-40]],"
    "[[-40,-40,40],[40,-40,40],[40,40,40],[-40,40,40]]]}]}";

static char *read_all(const char *path) {
  FILE *f = fopen(path, "rb");
  char *text = calloc(1, 1 << 16);
  if (!f || !text || !fread(text, 1, (1 << 16) - 1, f)) exit(2);
  fclose(f);
  return text;
}

static void expect(kerma_error **error, kerma_status status, const char *says) {
  CHECK(*error != NULL);
  CHECK(kerma_error_status(*error) == status);
  if (kerma_error_status(*error) != status) fprintf(stderr, "  is %d: %s\n", kerma_error_status(*error), kerma_error_message(*error));
  CHECK(strstr(kerma_error_message(*error), says) != NULL);
  if (*error && !strstr(kerma_error_message(*error), says)) fprintf(stderr, "  is: %s\n", kerma_error_message(*error));
  kerma_error_free(*error);
  *error = NULL;
}

static double told;
static int progress(double done, void *user) {
  (void)user;
  CHECK(done >= told && done <= 1);
  told = done;
  return 0;
}
static int refuse(double done, void *user) {
  (void)done;
  (void)user;
  return 1;
}

static void *cancel_soon(void *cancel) {
  struct timespec wait = {0, 50 * 1000 * 1000};
  nanosleep(&wait, NULL);
  kerma_cancel_now(cancel);
  return NULL;
}

struct job {
  const kerma_patient *patient;
  kerma_result *result;
};
static void *compute(void *p) {
  struct job *j = p;
  kerma_compute_options o;
  kerma_compute_options_init(&o);
  o.grid = 4.8;
  j->result = kerma_compute(j->patient, &o, NULL);
  return NULL;
}

int main(int argc, char **argv) {
  kerma_error *error = NULL;
  kerma_volume ct = water(), view, dose;
  kerma_compute_options o;
  kerma_gamma_options g;
  kerma_gamma_summary summary;
  kerma_patient *patient, *other;
  kerma_result *result;
  kerma_dvh *dvh;
  kerma_gamma *gamma;
  kerma_matrix *matrix;
  kerma_influence_options f;
  kerma_csc csc;
  double angles[2] = {0, 90}, *weights, *back;
  float *product;
  int64_t j, voxels;
  kerma_cancel *cancel;
  pthread_t thread;
  struct job jobs[4];
  double value, gray[11], cm3[11];
  float *mask;
  char *plan;
  int i, cycles;
  if (argc != 3) return 2;
  plan = read_all(argv[1]);
  cycles = atoi(argv[2]);

  CHECK(kerma_abi() == KERMA_ABI);
  CHECK(strlen(kerma_version()) > 2);
  CHECK(strlen(kerma_simd()) > 2);
  kerma_error_free(NULL);
  kerma_patient_free(NULL);
  kerma_result_free(NULL);

  CHECK(kerma_patient_read("no such folder", &error) == NULL);
  expect(&error, KERMA_ERROR_SYSTEM, "no such folder");
  CHECK(kerma_patient_read(NULL, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "folder");
  CHECK(kerma_patient_demo("nobody", "nowhere", &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "nobody");
  CHECK(kerma_patient_new(&ct, "{", plan, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "structures");
  CHECK(kerma_patient_new(&ct, structures, "{}", &error) == NULL);
  expect(&error, KERMA_ERROR_INPUT, "plan");
  view = ct;
  view.size[1] = -3;
  CHECK(kerma_patient_new(&view, structures, plan, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "-3");
  view = ct;
  view.data = NULL;
  CHECK(kerma_patient_new(&view, structures, plan, NULL) == NULL);

  patient = kerma_patient_new(&ct, structures, plan, &error);
  if (!patient) {
    fprintf(stderr, "%s\n", kerma_error_message(error));
    return 1;
  }
  CHECK(kerma_patient_plans(patient) == 1);
  CHECK(kerma_patient_plan(patient, 0) != NULL);
  CHECK(kerma_patient_plan(patient, 1) == NULL);
  CHECK(strchr(kerma_patient_plan_json(patient, 0, &error), '{') != NULL);
  CHECK(kerma_patient_plan_json(patient, 7, &error) == NULL);
  expect(&error, KERMA_ERROR_NOT_FOUND, "7");
  CHECK(kerma_patient_with_plan(NULL, plan, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "NULL");
  CHECK(kerma_patient_with_plan(patient, "{}", &error) == NULL);
  expect(&error, KERMA_ERROR_INPUT, "plan");
  other = kerma_patient_with_plan(patient, plan, &error);
  kerma_patient_free(patient);
  patient = other;
  CHECK(kerma_patient_plans(patient) == 1);
  CHECK(kerma_patient_structures(patient) == 1);
  CHECK(!strcmp(kerma_patient_structure(patient, 0), "cube"));
  CHECK(kerma_patient_structure(patient, -1) == NULL);
  CHECK(kerma_patient_doses(patient) == 0);
  CHECK(kerma_patient_dose(patient, 0, &view, &error) == KERMA_ERROR_NOT_FOUND);
  expect(&error, KERMA_ERROR_NOT_FOUND, "dose 0");
  CHECK(kerma_patient_warnings(patient) == 0);
  CHECK(kerma_patient_warning(patient, 0) == NULL);
  CHECK(kerma_patient_ct(patient, &view, &error) == KERMA_OK);
  CHECK(view.size[0] == N && view.data[N / 2 * (1 + N + N * N)] == 0);
  mask = malloc(sizeof hu);
  CHECK(kerma_patient_mask(patient, 0, &ct, mask, &error) == KERMA_OK);
  CHECK(mask[0] == 0 && mask[N / 2 * (1 + N + N * N)] == 1);
  CHECK(kerma_patient_mask(patient, 1, &ct, mask, NULL) == KERMA_ERROR_NOT_FOUND);
  free(mask);

  kerma_compute_options_init(&o);
  o.engine = "crystal ball";
  CHECK(kerma_compute(patient, &o, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "crystal ball");
  kerma_compute_options_init(&o);
  o.size = 3;
  CHECK(kerma_compute(patient, &o, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "kerma_compute_options_init");
  kerma_compute_options_init(&o);
  o.plan = 1;
  CHECK(kerma_compute(patient, &o, &error) == NULL);
  expect(&error, KERMA_ERROR_NOT_FOUND, "plan 1");
  kerma_compute_options_init(&o);
  o.roi = "liver";
  CHECK(kerma_compute(patient, &o, &error) == NULL);
  expect(&error, KERMA_ERROR_NOT_FOUND, "liver");
  kerma_compute_options_init(&o);
  o.progress = refuse;
  o.engine = "collapsed-cone";
  o.grid = 2;
  CHECK(kerma_compute(patient, &o, &error) == NULL);
  expect(&error, KERMA_ERROR_CANCELLED, "cancel");

  cancel = kerma_cancel_new();
  kerma_compute_options_init(&o);
  o.engine = "collapsed-cone";
  o.grid = 0.8;
  o.cancel = cancel;
  CHECK(pthread_create(&thread, NULL, cancel_soon, cancel) == 0);
  CHECK(kerma_compute(patient, &o, &error) == NULL);
  expect(&error, KERMA_ERROR_CANCELLED, "cancel");
  pthread_join(thread, NULL);
  kerma_cancel_free(cancel);

  kerma_compute_options_init(&o);
  o.grid = 4.8;
  o.progress = progress;
  result = kerma_compute(patient, &o, &error);
  if (!result) {
    fprintf(stderr, "%s\n", kerma_error_message(error));
    return 1;
  }
  CHECK(told == 1);
  kerma_result_dose(result, &dose);
  value = 0;
  for (i = 0; i < dose.size[0] * dose.size[1] * dose.size[2]; i++) value = fmax(value, dose.data[i]);
  CHECK(value > 0.5 && value < 2); /* 100 MU through a 10 x 10 cm field */
  CHECK(strstr(kerma_result_provenance(result), "pencil-beam") != NULL);
  CHECK(kerma_result_warnings(result) > 0);
  CHECK(kerma_result_warning(result, 0) != NULL && kerma_result_warning(result, 1000) == NULL);
  CHECK(kerma_result_write(result, "no such folder/dose.dcm", &error) != KERMA_OK);
  kerma_error_free(error);
  error = NULL;

  /* Several threads on one patient get the same bits. */
  for (i = 0; i < 4; i++) jobs[i].patient = patient;
  {
    pthread_t threads[4];
    for (i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, compute, &jobs[i]) == 0);
    for (i = 0; i < 4; i++) {
      pthread_join(threads[i], NULL);
      kerma_result_dose(jobs[i].result, &view);
      CHECK(view.size[0] == dose.size[0] && !memcmp(view.data, dose.data, 4 * (size_t)(dose.size[0] * dose.size[1] * dose.size[2])));
      kerma_result_free(jobs[i].result);
    }
  }

  dvh = kerma_dvh_compute(patient, &dose, &error);
  CHECK(dvh != NULL && kerma_dvh_structures(dvh) == 1);
  CHECK(!strcmp(kerma_dvh_structure(dvh, 0), "cube"));
  CHECK(kerma_dvh_volume(dvh, 0) > 512); /* with half a contour distance at both ends */
  CHECK(isnan(kerma_dvh_volume(dvh, 5)));
  CHECK(kerma_dvh_statistic(dvh, 0, "D2cc", &value, &error) == KERMA_OK && value > 0.5);
  CHECK(kerma_dvh_statistic(dvh, 0, "Q9", &value, &error) == KERMA_ERROR_ARGUMENT);
  expect(&error, KERMA_ERROR_ARGUMENT, "Q9");
  CHECK(kerma_dvh_curve(dvh, 0, 10, gray, cm3, &error) == KERMA_OK);
  CHECK(gray[0] == 0 && gray[10] > gray[1] && cm3[0] >= cm3[10]);
  CHECK(kerma_dvh_curve(dvh, 0, 0, gray, cm3, NULL) == KERMA_ERROR_ARGUMENT);

  gamma = kerma_gamma_compute(&dose, &dose, NULL, &error);
  CHECK(gamma != NULL);
  kerma_gamma_get(gamma, &summary);
  CHECK(summary.pass_rate == 100 && summary.points > 100 && summary.max < 1e-6);
  kerma_gamma_volume(gamma, &view);
  CHECK(view.size[2] == dose.size[2]);
  kerma_gamma_options_init(&g);
  g.distance = -1;
  CHECK(kerma_gamma_compute(&dose, &dose, &g, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "-1");
  CHECK(kerma_gamma_compute(NULL, &dose, NULL, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "NULL");

  kerma_influence_options_init(&f);
  CHECK(kerma_influence(patient, &f, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "beams");
  f.beams = 2;
  f.gantry = angles;
  f.target = "nothing";
  CHECK(kerma_influence(patient, &f, &error) == NULL);
  expect(&error, KERMA_ERROR_NOT_FOUND, "nothing");
  f.target = "cube";
  f.bixel = 10;
  f.margin = 0;
  f.grid = 4.8;
  f.max_bytes = 10;
  CHECK(kerma_influence(patient, &f, &error) == NULL);
  expect(&error, KERMA_ERROR_ARGUMENT, "bytes");
  f.max_bytes = 0;
  matrix = kerma_influence(patient, &f, &error);
  if (!matrix) {
    fprintf(stderr, "%s\n", kerma_error_message(error));
    return 1;
  }
  kerma_matrix_grid(matrix, &view);
  voxels = view.size[0] * view.size[1] * view.size[2];
  CHECK(voxels == kerma_matrix_voxels(matrix) && view.data == NULL);
  CHECK(strstr(kerma_matrix_about(matrix), "bixels_mm") != NULL);
  CHECK(kerma_matrix_csc(matrix, &csc, &error) == KERMA_OK && csc.index_bytes == 4);
  CHECK(csc.columns == kerma_matrix_bixels(matrix) && csc.columns > 100 && csc.rows == voxels);
  CHECK(((const int32_t *)csc.starts)[csc.columns] == csc.entries);
  weights = calloc(csc.columns, sizeof *weights);
  back = calloc(csc.columns, sizeof *back);
  product = calloc(voxels, sizeof *product);
  weights[3] = 1; /* the product is a column, */
  CHECK(kerma_matrix_multiply(matrix, weights, product, &error) == KERMA_OK);
  value = 0;
  for (j = ((const int32_t *)csc.starts)[3]; j < ((const int32_t *)csc.starts)[4]; j++) {
    CHECK(product[((const int32_t *)csc.indices)[j]] == csc.values[j]);
    value += (double)csc.values[j] * csc.values[j];
  }
  CHECK(value > 0); /* and the transposed product of that the column's square */
  CHECK(kerma_matrix_multiply_transposed(matrix, product, back, &error) == KERMA_OK);
  CHECK(fabs(back[3] - value) < 1e-6 * value);
  CHECK(kerma_matrix_multiply(matrix, NULL, product, NULL) == KERMA_ERROR_ARGUMENT);
  free(weights);
  free(back);
  free(product);
  kerma_matrix_free(matrix);

  kerma_gamma_free(gamma);
  kerma_dvh_free(dvh);
  kerma_patient_free(patient);
  kerma_result_dose(result, &view); /* outlives the patient */
  CHECK(view.data == dose.data);
  kerma_result_free(result);

  /* Nothing is kept: the caller measures this program's memory. */
  for (i = 0; i < cycles; i++) {
    long pages = 0, resident = 0;
    patient = kerma_patient_new(&ct, structures, plan, NULL);
    kerma_compute_options_init(&o);
    o.grid = 12;
    result = kerma_compute(patient, &o, NULL);
    kerma_result_dose(result, &dose);
    gamma = kerma_gamma_compute(&dose, &dose, NULL, NULL);
    dvh = kerma_dvh_compute(patient, &dose, NULL);
    kerma_patient_read("no such folder", &error);
    kerma_error_free(error);
    error = NULL;
    kerma_dvh_free(dvh);
    kerma_gamma_free(gamma);
    kerma_result_free(result);
    kerma_patient_free(patient);
    if (i % (cycles / 10 ? cycles / 10 : 1) == 0) {
      FILE *f = fopen("/proc/self/statm", "r");
      if (f && fscanf(f, "%ld %ld", &pages, &resident) == 2) printf("%d %ld\n", i, resident * 4096L);
      if (f) fclose(f);
    }
  }
  free(plan);
  return failures != 0;
}
