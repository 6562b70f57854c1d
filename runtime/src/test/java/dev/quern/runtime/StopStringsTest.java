package dev.quern.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.UsageException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {
    @Test
    void aStopStringCutInPiecesIsNeverShown() {
        StopStrings stops = new StopStrings(List.of("END", "\n\n"));
        assertThat(stops.next("say E")).isEqualTo("say ");
        assertThat(stops.next("N")).isEmpty();
        assertThat(stops.hit()).isFalse();
        assertThat(stops.next("D and more")).isEmpty();
        assertThat(stops.hit()).isTrue();
        assertThat(stops.next("later")).isEmpty();
        assertThat(stops.flush()).isEmpty();
    }

    @Test
    void whatTurnsOutToBeNoStopStringComesLate() {
        StopStrings stops = new StopStrings(List.of("aab"));
        assertThat(stops.next("aa")).isEmpty();
        assertThat(stops.next("a")).isEqualTo("a");
        assertThat(stops.next("c")).isEqualTo("aac");
        assertThat(stops.next("a")).isEmpty();
        assertThat(stops.flush()).isEqualTo("a");
        assertThat(stops.hit()).isFalse();
    }

    @Test
    void theEarliestOfSeveralEndsTheText() {
        StopStrings stops = new StopStrings(List.of("world", "o w"));
        assertThat(stops.next("hello world")).isEqualTo("hell");
    }

    @Test
    void piecesOfAnySizeGiveTheTextBeforeTheFirstStopString() {
        Random random = new Random(11);
        List<String> wanted = List.of("aba", "bb", "caab");
        for (int round = 0; round < 2000; round++) {
            String text = random.ints(12, 'a', 'd')
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString();
            int end = text.length();
            for (String stop : wanted) {
                end = text.contains(stop) ? Math.min(end, text.indexOf(stop)) : end;
            }
            StopStrings stops = new StopStrings(wanted);
            StringBuilder shown = new StringBuilder();
            for (int at = 0; at < text.length() && !stops.hit(); ) {
                int to = Math.min(text.length(), at + 1 + random.nextInt(4));
                shown.append(stops.next(text.substring(at, to)));
                at = to;
            }
            shown.append(stops.flush());
            assertThat(stops.hit()).as(text).isEqualTo(end < text.length());
            // a longer stop string that begins earlier may end later than the one that was seen first
            assertThat(text).startsWith(shown.toString());
            assertThat(shown.length()).as(text).isBetween(end, text.length());
        }
    }

    @Test
    void anEmptyStopStringIsRefused() {
        assertThatThrownBy(() -> new StopStrings(List.of("x", ""))).isInstanceOf(UsageException.class);
    }
}
