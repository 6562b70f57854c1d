package dev.quern.hub;

import com.fasterxml.jackson.databind.JsonNode;
import dev.quern.core.QuernException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/// What the hub says of one revision of a model: the commit, and the files with their sizes and checksums.
record Listing(String commit, List<RemoteFile> files) {
    private static final Pattern SHA1 = Pattern.compile("[0-9a-f]{40}");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /// Reads the hub's answer, which may be hostile: paths that leave the folder, sizes and checksums that are none.
    static Listing parse(HubId id, JsonNode json) {
        String commit = json.path("sha").asText();
        if (!SHA1.matcher(commit).matches()) {
            throw broken(id, "no commit under 'sha'");
        }
        List<RemoteFile> files = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (JsonNode entry : json.path("siblings")) {
            RemoteFile file = file(id, entry);
            // some file systems take two spellings for one file
            if (!seen.add(file.path().toLowerCase(Locale.ROOT))) {
                throw broken(id, "two files named " + file.path());
            }
            files.add(file);
        }
        if (files.isEmpty()) {
            throw new QuernException(id + ": the hub lists no files in it");
        }
        return new Listing(commit, List.copyOf(files));
    }

    private static RemoteFile file(HubId id, JsonNode entry) {
        String path = entry.path("rfilename").asText();
        for (String part : path.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..") || !part.matches("[^\\\\:\\p{Cntrl}]+")) {
                throw broken(id, "a file named '" + path + "', which leaves its folder");
            }
        }
        String git = entry.path("blobId").asText();
        String sum = entry.path("lfs").path("sha256").asText();
        JsonNode size =
                entry.path("lfs").path("size").isNumber() ? entry.path("lfs").path("size") : entry.path("size");
        boolean large = entry.path("lfs").isObject();
        if (!(large ? SHA256.matcher(sum) : SHA1.matcher(git)).matches()) {
            throw broken(id, path + " without a checksum");
        }
        if (!size.canConvertToLong() || size.asLong() < 0) {
            throw broken(id, path + " without a size");
        }
        return new RemoteFile(path, size.asLong(), large ? Optional.of(sum) : Optional.empty(), git);
    }

    private static QuernException broken(HubId id, String what) {
        return new QuernException(id + ": the hub's answer is not to be trusted: it lists " + what
                + "; check HF_ENDPOINT, or fetch the files another way");
    }
}
