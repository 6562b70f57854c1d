package dev.quern.cli;

import dev.quern.core.QuernException;
import dev.quern.runtime.Generator;
import dev.quern.text.ChatTemplate;
import dev.quern.text.Message;
import java.util.List;

/// A model's prompts as tokens, and how long its answers may be.
record ChatPrompt(LoadedModel loaded, ChatTemplate template) {
    /// Throws where the model has no chat template.
    static ChatPrompt of(LoadedModel loaded) {
        ChatTemplate template = loaded.checkpoint()
                .chatTemplate()
                .orElseThrow(() -> new QuernException(loaded.checkpoint().path()
                        + ": the model has no chat template; leave out --chat to let it go on from a text"));
        return new ChatPrompt(loaded, template);
    }

    /// The template spells the special tokens itself.
    int[] tokens(List<Message> messages) {
        return loaded.tokenizer().encode(template.render(messages, true), false);
    }

    /// As many tokens as asked for and as the model's context still holds.
    static Generator.Limits limits(LoadedModel loaded, int promptTokens, int maxTokens, List<String> stop) {
        int context = loaded.model().network().config().maxPositions();
        if (promptTokens >= context) {
            throw new QuernException("the prompt has " + promptTokens + " tokens and the model's context holds "
                    + context + "; shorten the prompt");
        }
        return new Generator.Limits(
                Math.min(maxTokens, context - promptTokens), loaded.tokenizer().eosTokens(), stop);
    }
}
