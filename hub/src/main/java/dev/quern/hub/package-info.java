/// Where a model comes from: a hub id becomes a folder in the cache that all tools of that hub share.
///
/// `HubSettings` is what the environment says, `Listing` what the hub holds, `Pull` brings it here, `Download` one file
/// of it, `HubCache` finds it again.
@NullMarked
package dev.quern.hub;

import org.jspecify.annotations.NullMarked;
