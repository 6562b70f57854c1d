package dev.quern.methods;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// What a component of a method's `Config` means: its default, written as a user would write it, and one line of help.
/// The key's name is the component's in kebab-case.
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Key {
    /// The default.
    String value();

    /// One line for `--help`.
    String doc();
}
