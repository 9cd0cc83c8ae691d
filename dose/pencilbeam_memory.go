package dose

// budget decides how many poses are computed together.
func (p *pencilJob) budget() error {
	p.cache.Columns = true
	for range mostPoses {
		p.poses = append(p.poses, &pose{})
	}
	return nil
}
