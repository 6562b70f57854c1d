package dev.quern.text;

/// One turn of a chat: who speaks (`system`, `user`, `assistant`, or what else the template knows) and what is said.
public record Message(String role, String content) {}
