package dev.quern.methods;

import java.util.List;

/// One key of a method's Config as the command line and recipes know it.
///
/// `type` is `integer`, `number`, `true|false`, `text` or the choices joined by `|`; `choices` is empty unless there
/// are some.
public record ConfigKey(String name, String type, List<String> choices, String defaultValue, String doc) {}
