package dev.quern.formats;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/// Failures of the file system as one line that a user can act on.
public final class Failures {
    private Failures() {}

    /// `path` could not be read.
    public static QuernException reading(Path path, IOException e) {
        String reason = switch (e) {
            case NoSuchFileException _ -> "no such file; check the path";
            case AccessDeniedException _ -> "no permission to read it";
            case NotDirectoryException _ -> "a part of the path is no directory";
            case CharacterCodingException _ -> "not UTF-8 text";
            default -> "cannot be read: " + line(e);
        };
        return new QuernException(path + ": " + reason, e);
    }

    /// `path` could not be written.
    public static QuernException writing(Path path, IOException e) {
        String reason = switch (e) {
            case NoSuchFileException _ -> "its directory does not exist; create it first";
            case AccessDeniedException _ -> "no permission to write there; choose another output";
            case FileAlreadyExistsException _ -> "a file of that name is in the way";
            case NotDirectoryException _ -> "a part of the path is no directory";
            default ->
                isFull(e)
                        ? "no space left; free some or choose another output (nothing half-written remains)"
                        : "cannot be written: " + line(e);
        };
        return new QuernException(path + ": " + reason, e);
    }

    private static boolean isFull(IOException e) {
        String message = String.valueOf(e.getMessage());
        return message.contains("No space left") || message.contains("not enough space") || message.contains("quota");
    }

    private static String line(IOException e) {
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return message.lines().findFirst().orElse("");
    }
}
