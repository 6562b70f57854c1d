package dev.quern.eval;

import java.util.List;

/// A text, how it might go on, and which of these is right. Texts are as lm-eval makes them, without the joining space.
public record ChoiceQuestion(String context, List<String> choices, int label) {
    public ChoiceQuestion {
        choices = List.copyOf(choices);
        if (choices.size() < 2 || label < 0 || label >= choices.size()) {
            throw new IllegalArgumentException("label " + label + " of " + choices.size()
                    + " choices; there are at least 2, and the label counts from 0");
        }
    }
}
