# make test: everything that must pass before a change lands.
.PHONY: test format vet unit race

TOOL = go tool -modfile=internal/tools/go.mod

test: format vet unit race

format:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "gofmt needed:"; echo "$$out"; exit 1; fi

vet:
	go vet ./...
	$(TOOL) staticcheck ./...

unit:
	go test ./...

# The race detector slows numeric code about tenfold, so the long numeric
# tests stand aside (-short); everything that runs in parallel is covered.
race:
	go test -race -short ./...
