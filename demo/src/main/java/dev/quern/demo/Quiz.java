package dev.quern.demo;

import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import dev.quern.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// Questions about held-out stories, and how many a model answers right.
///
/// The grammar writes each question below its story with the one right answer, so a model must look names, colors and
/// places up in the story or do the sum. Right means: greedy decoding gives the answer word by word.
final class Quiz {
    private static final String ANSWER = " Answer:";

    /// Story, question and answer in a row; the answer begins at `from`.
    record Question(int[] tokens, int from) {}

    private final List<Question> questions;

    private Quiz(List<Question> questions) {
        this.questions = List.copyOf(questions);
    }

    /// The first `count` questions of the held-out text of this seed.
    static Quiz of(Tokenizer tokenizer, long seed, int count) {
        DemoText text = DemoText.heldOut(seed + 1);
        List<Question> questions = new ArrayList<>();
        while (questions.size() < count) {
            String document = text.document();
            int at = document.indexOf(ANSWER);
            if (at >= 0) {
                int line = document.indexOf('\n', at);
                String asked = document.substring(0, at + ANSWER.length());
                String answer = document.substring(asked.length(), line < 0 ? document.length() : line);
                // A word begins with its space, so that no token reaches over the seam.
                int[] before = tokenizer.encode(asked, false);
                int[] after = tokenizer.encode(answer, false);
                questions.add(new Question(
                        IntStream.concat(IntStream.of(before), IntStream.of(after))
                                .toArray(),
                        before.length));
            }
        }
        return new Quiz(questions);
    }

    /// The share of questions answered right, 0 … 1.
    double score(Model model) {
        long right = questions.stream().filter(q -> answers(model, q)).count();
        return (double) right / questions.size();
    }

    /// One pass over story and answer: greedy decoding gives the answer just if each of its tokens is the likeliest
    /// after the right ones before it.
    private static boolean answers(Model model, Question question) {
        boolean[] right = {true};
        new Session(model).logits(question.tokens, question.from - 1, (at, logits, offset) -> {
            if (at + 1 < question.tokens.length) {
                right[0] &= likeliest(logits, offset, model.vocabSize()) == question.tokens[at + 1];
            }
        });
        return right[0];
    }

    private static int likeliest(float[] logits, int offset, int count) {
        int best = 0;
        for (int i = 1; i < count; i++) {
            if (logits[offset + i] > logits[offset + best]) {
                best = i;
            }
        }
        return best;
    }
}
