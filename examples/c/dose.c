/* Reads a DICOM folder, computes the dose of its plan and writes an RTDOSE:
 *   cc dose.c $(pkg-config --cflags --libs kerma) -o dose && ./dose PATIENT dose.dcm */
#include <kerma.h>
#include <stdio.h>

static int fail(kerma_error *error) {
  fprintf(stderr, "%s\n", kerma_error_message(error));
  kerma_error_free(error);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: %s PATIENT dose.dcm\n", argv[0]), 2;
  kerma_error *error = NULL;
  kerma_patient *patient = kerma_patient_read(argv[1], &error);
  if (!patient) return fail(error);

  kerma_compute_options options;
  kerma_compute_options_init(&options);
  options.grid = 5; /* mm */
  kerma_result *result = kerma_compute(patient, &options, &error);
  if (!result || kerma_result_write(result, argv[2], &error)) return fail(error);

  kerma_volume dose; /* a view: no copy */
  kerma_result_dose(result, &dose);
  float highest = 0;
  for (int64_t i = 0; i < dose.size[0] * dose.size[1] * dose.size[2]; i++)
    if (dose.data[i] > highest) highest = dose.data[i];
  printf("highest dose %.2f Gy\n", highest);
  kerma_result_free(result);
  kerma_patient_free(patient);
  return 0;
}
