package dev.quern.torch;

import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/// Fails a test that leaves more native pointers behind than it found.
final class NoLeaks implements BeforeEachCallback, AfterEachCallback {
    private static final Namespace SPACE = Namespace.create(NoLeaks.class);

    @Override
    public void beforeEach(ExtensionContext context) {
        Torch.load();
        context.getStore(SPACE).put("count", Pointer.totalCount());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        long before = context.getStore(SPACE).getOrDefault("count", Long.class, -1L);
        long after = Pointer.totalCount();
        if (after != before) {
            throw new AssertionError("native pointers before: " + before + ", after: " + after);
        }
    }
}
