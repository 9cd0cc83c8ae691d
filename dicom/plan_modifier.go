package dicom

import (
	"fmt"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// modifierKinds are what may stand between source and patient besides the
// beam-limiting devices: a count, a sequence, or both.
var modifierKinds = []struct {
	name            string
	count, sequence tag.Tag
	says            []tag.Tag // of an item, what describes it
}{
	{"wedge", tag.NumberOfWedges, tag.WedgeSequence, []tag.Tag{tag.WedgeType, tag.WedgeID, tag.WedgeAngle}},
	{"compensator", tag.NumberOfCompensators, tag.CompensatorSequence, []tag.Tag{tag.CompensatorType, tag.CompensatorID}},
	{"bolus", tag.NumberOfBoli, tag.ReferencedBolusSequence, []tag.Tag{tag.ReferencedROINumber}},
	{"block", tag.NumberOfBlocks, tag.BlockSequence, []tag.Tag{tag.BlockType, tag.BlockName}},
	{"applicator", tag.Tag{}, tag.ApplicatorSequence, []tag.Tag{tag.ApplicatorType, tag.ApplicatorID}},
	{"accessory", tag.Tag{}, tag.GeneralAccessorySequence, []tag.Tag{tag.GeneralAccessoryType, tag.GeneralAccessoryID}},
}

// modifiers refuses a beam with anything in it that is not modelled.
func (r *planReader) modifiers(it item, name string) error {
	for _, k := range modifierKinds {
		items, err := it.items(k.sequence)
		if err != nil {
			return err
		}
		n := len(items)
		at := k.sequence
		if k.count != (tag.Tag{}) {
			stated, _, err := it.integer(k.count)
			if err != nil {
				return err
			}
			if stated != 0 || n == 0 {
				n, at = stated, k.count
			}
		}
		if n == 0 {
			continue
		}
		var which []string
		for _, one := range items {
			var says []string
			for _, t := range k.says {
				if s := one.text(t); s != "" {
					says = append(says, fmt.Sprintf("%s %s", keyword(t), s))
				}
			}
			which = append(which, strings.Join(says, ", "))
		}
		if err := r.unmodelled(it, at, n, "%s: %s (%s)", name, k.name, strings.Join(which, "; ")); err != nil {
			return err
		}
	}
	return nil
}
