package speed

import (
	"context"

	"github.com/kerma-rt/kerma/dose/machine"
)

// job is one whole job. Its inputs are made by prepare, which is not timed.
type job struct {
	name, what string
	prepare    func(ctx context.Context, o Options, threads int) (run, error)
}

var jobs = []job{
	{"field-svd", "open 10×10, pencil beam, SVD machine, 167×167×108", field(machine.GenericSVD, 1, 0)},
	{"field-svd-couch", "the same, couch turned by 30°", field(machine.GenericSVD, 1, 30)},
	{"field-6mv", "open 10×10, pencil beam, generic 6 MV machine, 167×167×108", field(generic6MV, 1, 0)},
	{"field-6mv-couch", "the same, couch turned by 30°", field(generic6MV, 1, 30)},
	{"cone-water", "open 10×10, collapsed cone, about 72 directions, 256×256×150 voxels of water", cone(72, false)},
	{"cone-chest", "open 10×10, collapsed cone, about 72 directions, chest with lungs on 200×200×180", cone(72, true)},
	{"influence-1", "influence matrix, TG-119, 1 beam, SVD machine, 5 mm bixels, 3 mm grid, 50 mm cut-off", matrix(1, false)},
	{"influence-5", "the same, 5 beams", matrix(5, false)},
	{"influence-9", "the same, 9 beams", matrix(9, false)},
	{"influence-9-again", "the same in the memory of the one before", matrix(9, true)},
	{"product-9", "matrix of 9 beams × weights", product(9, false)},
	{"product-9-transposed", "transposed matrix of 9 beams × dose", product(9, true)},
	{"gamma-3-3", "gamma 3 %/3 mm, 200×200×150 at 2.5 mm", comparison(3, 3)},
	{"gamma-2-2", "gamma 2 %/2 mm, 200×200×150 at 2.5 mm", comparison(2, 2)},
	{"dvh", "DVH of all structures", histograms},
}
