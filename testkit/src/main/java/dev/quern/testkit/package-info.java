/// What the tests of several modules share: tiny seeded models, contracts over the registries, shared files.
@NullMarked
package dev.quern.testkit;

import org.jspecify.annotations.NullMarked;
