package dev.quern.hub;

import java.nio.file.Path;

/// What a pull brought: the folder, its commit, number and bytes of its files, and how many bytes came over the wire
/// this time.
public record PullReport(Path folder, String commit, int files, long bytes, long received) {}
