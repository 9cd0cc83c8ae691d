package influence

import (
	"context"
	"io"
)

// WriteWideNPZ is WriteNPZ with the indices of more entries than a test can
// hold.
func (m *Matrix) WriteWideNPZ(ctx context.Context, w io.Writer) error {
	return writeNPZ(w, "csc", [2]int{m.Voxels(), m.Columns()}, int64(len(m.Value)), true, m.once(ctx))
}
