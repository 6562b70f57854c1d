package dev.quern.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.quern.demo.Lexicon.Person;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class DemoTextTest {
    @Test
    void theSameSeedGivesTheSameText() {
        String text = DemoText.training(7).next(20_000);
        assertThat(DemoText.training(7).next(20_000)).isEqualTo(text);
        assertThat(DemoText.training(8).next(20_000)).isNotEqualTo(text);
    }

    @Test
    void everySumIsRight() {
        Matcher sums = Pattern.compile("(\\d+) ([+-]) (\\d+) = (\\d+)")
                .matcher(DemoText.training(1).next(500_000));
        int seen = 0;
        while (sums.find()) {
            int a = Integer.parseInt(sums.group(1));
            int b = Integer.parseInt(sums.group(3));
            assertThat(Integer.parseInt(sums.group(4))).isEqualTo(sums.group(2).equals("+") ? a + b : a - b);
            seen++;
        }
        assertThat(seen).isGreaterThan(100);
    }

    @Test
    void heldOutPairsNeverOccurInTraining() {
        String training = DemoText.training(3).next(1_000_000);
        String heldOut = DemoText.heldOut(3).next(300_000);
        int met = 0;
        for (Person who : Lexicon.PEOPLE) {
            for (String place : Lexicon.PLACES) {
                String visit = who.name() + " went to the " + place;
                if (DemoText.kept(who, place)) {
                    assertThat(training).doesNotContain(visit);
                    met += heldOut.contains(visit) ? 1 : 0;
                } else {
                    assertThat(heldOut).doesNotContain(visit);
                }
            }
        }
        assertThat(met).isGreaterThan(20);
    }

    @Test
    void aMergedVocabularyHasTheAskedSizeAndNoTokenTwice() {
        BpeTrainer.Vocabulary vocabulary = BpeTrainer.train(DemoText.training(4).next(50_000), 400, DemoFiles.SPECIALS);
        assertThat(vocabulary.tokens()).hasSize(400).doesNotHaveDuplicates();
        assertThat(vocabulary.merges()).hasSize(400 - 256 - DemoFiles.SPECIALS.size());
        assertThat(vocabulary.tokens()).contains("Ġthe");
    }
}
