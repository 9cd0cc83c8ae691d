// Package house holds no code: its tests keep promises that belong to the
// whole repository, such as which package may import which.
package house
