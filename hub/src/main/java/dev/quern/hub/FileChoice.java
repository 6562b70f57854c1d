package dev.quern.hub;

import dev.quern.core.UsageException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Which files of a model are wanted: by patterns (`*.safetensors`), else what a model needs to run.
///
/// By default that is weights in safetensors, or a single GGUF file where there are none, and the small text files of
/// config, tokenizer, templates, card and licence. Pickles and other tools' exports are left where they are.
record FileChoice(List<String> include, List<String> exclude) {
    private static final Set<String> SMALL = Set.of("json", "txt", "model", "jinja", "md", "tiktoken");

    /// The chosen ones; throws `UsageException` where a pattern matches nothing or the choice is the user's.
    List<RemoteFile> of(HubId id, List<RemoteFile> files) {
        List<RemoteFile> chosen = (include.isEmpty() ? usual(id, files) : matching(id, files))
                .stream()
                        .filter(file -> exclude.stream().noneMatch(pattern -> matches(pattern, file)))
                        .toList();
        if (chosen.isEmpty()) {
            throw new UsageException(id + ": nothing is left to fetch of " + names(files));
        }
        return chosen;
    }

    private List<RemoteFile> matching(HubId id, List<RemoteFile> files) {
        for (String pattern : include) {
            if (files.stream().noneMatch(file -> matches(pattern, file))) {
                throw new UsageException(id + ": --include " + pattern + " matches none of " + names(files));
            }
        }
        return files.stream()
                .filter(file -> include.stream().anyMatch(pattern -> matches(pattern, file)))
                .toList();
    }

    private static List<RemoteFile> usual(HubId id, List<RemoteFile> files) {
        List<RemoteFile> top =
                files.stream().filter(file -> !file.path().contains("/")).toList();
        boolean safetensors = top.stream().anyMatch(file -> type(file).equals("safetensors"));
        List<RemoteFile> gguf =
                files.stream().filter(file -> type(file).equals("gguf")).toList();
        if (!safetensors && gguf.size() > 1) {
            throw new UsageException(id + ": holds " + gguf.size() + " GGUF files; choose with --include, for instance"
                    + " --include " + gguf.getFirst().path() + "; there are " + names(gguf));
        }
        if (!safetensors && gguf.isEmpty()) {
            throw new UsageException(id + ": has no weights in safetensors or GGUF, only " + names(files));
        }
        return files.stream()
                .filter(file -> safetensors
                        ? !file.path().contains("/") && (type(file).equals("safetensors") || small(file))
                        : gguf.contains(file) || (!file.path().contains("/") && small(file)))
                .toList();
    }

    private static boolean small(RemoteFile file) {
        return SMALL.contains(type(file)) || file.name().matches("LICEN[CS]E.*|NOTICE.*");
    }

    private static String type(RemoteFile file) {
        return file.name().substring(file.name().lastIndexOf('.') + 1);
    }

    /// A pattern without a slash is for names, one with a slash for paths.
    private static boolean matches(String pattern, RemoteFile file) {
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        return matcher.matches(Path.of(pattern.contains("/") ? file.path() : file.name()));
    }

    private static String names(List<RemoteFile> files) {
        String some = files.stream().limit(12).map(RemoteFile::path).collect(Collectors.joining(", "));
        return files.size() > 12 ? some + " and " + (files.size() - 12) + " more" : some;
    }
}
