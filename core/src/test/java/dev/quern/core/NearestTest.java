package dev.quern.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {
    private static final List<String> KNOWN = List.of("rtn", "gptq", "group-size");

    @Test
    void aSlipOfThePenFindsItsWord() {
        assertThat(Nearest.of("gtpq", KNOWN)).contains("gptq");
        assertThat(Nearest.of("gptr", KNOWN)).contains("gptq");
        assertThat(Nearest.of("groupsize", KNOWN)).contains("group-size");
    }

    @Test
    void aStrangerFindsNothing() {
        assertThat(Nearest.of("hyperparameter", KNOWN)).isEmpty();
    }

    @Test
    void theMessageNamesWhatIsKnown() {
        assertThat(Nearest.unknown("method", "gptr", KNOWN))
                .hasMessage("unknown method gptr; did you mean gptq? Known: rtn, gptq, group-size");
    }
}
