package machine_test

import (
	"fmt"

	"github.com/kerma-rt/kerma/dose/machine"
)

// A depth dose of the generic 6 MV machine in a water tank.
func ExampleMachine_OnAxis() {
	m, err := machine.Generic("generic_6mv")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, depth := range []float64{14, 50, 100, 200} {
		dose := 100 * m.Calibration.FluencePerMU * m.OnAxis(100, 1000, depth) // 100 MU
		fmt.Printf("%3.0f mm: %.2f Gy\n", depth, dose)
	}
	// Output:
	//  14 mm: 1.00 Gy
	//  50 mm: 0.86 Gy
	// 100 mm: 0.66 Gy
	// 200 mm: 0.37 Gy
}
