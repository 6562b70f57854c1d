package dev.quern.demo;

import java.util.List;

/// The words that the demo's grammar draws from.
final class Lexicon {
    private Lexicon() {}

    /// A person: the name and the pronouns that go with it.
    record Person(String name, String he, String him, String his) {
        String bigHe() {
            return Character.toUpperCase(he.charAt(0)) + he.substring(1);
        }
    }

    static final List<Person> PEOPLE = people(
            "Tom Ben Sam Max Leo Jack Paul Finn Hugo Carl Adam Oscar Peter Simon Felix",
            "Anna Mia Lucy Emma Lily Nora Ruth Clara Ella Jane Rosa Vera Alice Helen Sarah");

    static final List<String> PLACES = List.of(
            "garden", "forest", "market", "river", "school", "kitchen", "beach", "park", "barn", "library", "bakery",
            "harbor", "meadow", "castle", "station", "farm");

    static final List<String> COLORS =
            List.of("red", "blue", "green", "yellow", "white", "black", "brown", "pink", "purple", "gray");

    static final List<String> OBJECTS = List.of(
            "ball",
            "hat",
            "book",
            "kite",
            "lamp",
            "coat",
            "cup",
            "drum",
            "boat",
            "bag",
            "scarf",
            "key",
            "ring",
            "bell",
            "umbrella",
            "blanket");

    static final List<String> CONTAINERS =
            List.of("box", "basket", "drawer", "chest", "cupboard", "bucket", "jar", "suitcase");

    /// Things that are counted, in the plural.
    static final List<String> THINGS = List.of(
            "apples",
            "pears",
            "stones",
            "shells",
            "flowers",
            "eggs",
            "nuts",
            "coins",
            "plums",
            "buttons",
            "leaves",
            "cookies",
            "carrots",
            "feathers");

    static final List<String> ANIMALS =
            List.of("dog", "cat", "horse", "duck", "goat", "rabbit", "mouse", "fox", "owl", "sheep", "cow", "frog");

    static final List<String> FOODS =
            List.of("bread", "milk", "cheese", "soup", "rice", "honey", "butter", "cake", "tea", "fish", "salt", "jam");

    static final List<String> DAYS =
            List.of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday");

    static final List<String> NUMBERS = List.of(
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen");

    static final List<String> FEELINGS = List.of("happy", "tired", "hungry", "proud", "sad", "glad", "brave", "calm");

    /// Weather, what one wears for it, and how the sky looks.
    static final List<List<String>> WEATHER = List.of(
            List.of("cold", "a warm coat", "gray"),
            List.of("hot", "a straw hat", "clear"),
            List.of("rainy", "tall boots", "dark"),
            List.of("windy", "a long scarf", "full of clouds"),
            List.of("sunny", "a light shirt", "bright and blue"));

    /// Whole sentences that are always true, as a question, its answer and the sentence.
    static final List<List<String>> FACTS = List.of(
            List.of("What color is the sky?", "The sky is blue."),
            List.of("What color is grass?", "Grass is green."),
            List.of("What color is snow?", "Snow is white."),
            List.of("What color is a lemon?", "A lemon is yellow."),
            List.of("What color is coal?", "Coal is black."),
            List.of("What does a dog say?", "A dog says woof."),
            List.of("What does a cat say?", "A cat says meow."),
            List.of("What does a cow say?", "A cow says moo."),
            List.of("What does a duck say?", "A duck says quack."),
            List.of("What does a sheep say?", "A sheep says baa."),
            List.of("What does a frog eat?", "A frog eats flies."),
            List.of("What does a rabbit eat?", "A rabbit eats carrots."),
            List.of("What does a mouse eat?", "A mouse eats cheese."),
            List.of("What do bees make?", "Bees make honey."),
            List.of("Where do fish live?", "Fish live in water."),
            List.of("Where does an owl sleep?", "An owl sleeps in a tree."),
            List.of("When does the sun rise?", "The sun rises in the morning."),
            List.of("When does the moon shine?", "The moon shines at night."),
            List.of("How many legs does a horse have?", "A horse has four legs."),
            List.of("How many legs does a bird have?", "A bird has two legs."),
            List.of("How many days are in a week?", "There are seven days in a week."),
            List.of("What do we drink when we are thirsty?", "We drink water when we are thirsty."),
            List.of("What is the opposite of hot?", "The opposite of hot is cold."),
            List.of("What is the opposite of big?", "The opposite of big is small."),
            List.of("What is the opposite of day?", "The opposite of day is night."));

    private static List<Person> people(String boys, String girls) {
        return java.util.stream.Stream.concat(
                        java.util.Arrays.stream(boys.split(" ", -1)).map(n -> new Person(n, "he", "him", "his")),
                        java.util.Arrays.stream(girls.split(" ", -1)).map(n -> new Person(n, "she", "her", "her")))
                .toList();
    }
}
