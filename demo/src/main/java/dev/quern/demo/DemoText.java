package dev.quern.demo;

import dev.quern.demo.Lexicon.Person;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Endless small English texts from a grammar of its own, by seed.
///
/// Stories give a person, a thing and a place that later sentences and questions come back to, so a model must
/// remember;
/// counts and sums must come out right; days follow each other. A tenth of all pairs of a person and a place never
/// occurs in training text and always in held-out text, so a held-out story is new by construction.
public final class DemoText {
    /// Ends each text.
    public static final String END = "<|endoftext|>";

    /// Begins and ends a turn of a chat.
    public static final String TURN = "<|im_start|>";

    public static final String TURN_END = "<|im_end|>";

    private final Random random;
    private final boolean heldOut;

    private DemoText(long seed, boolean heldOut) {
        this.random = new Random(seed);
        this.heldOut = heldOut;
    }

    /// The text to learn from.
    public static DemoText training(long seed) {
        return new DemoText(seed, false);
    }

    /// Text that shares no story with any training text.
    public static DemoText heldOut(long seed) {
        return new DemoText(~seed, true);
    }

    /// The next texts, each with its end mark, together at least `characters` long.
    public String next(int characters) {
        StringBuilder text = new StringBuilder();
        while (text.length() < characters) {
            text.append(document()).append(END);
        }
        return text.toString();
    }

    /// One text without its end mark.
    public String document() {
        return switch (random.nextInt(10)) {
            case 0 -> facts();
            case 1 -> sums();
            case 2 -> week();
            case 3, 4 -> chat();
            default -> story() + (random.nextInt(4) > 0 ? "" : "\n" + facts());
        };
    }

    private String facts() {
        StringBuilder text = new StringBuilder();
        for (int i = 2 + random.nextInt(4); i > 0; i--) {
            text.append(text.isEmpty() ? "" : " ").append(one(Lexicon.FACTS).get(1));
        }
        return text.toString();
    }

    private String sums() {
        StringBuilder text = new StringBuilder();
        for (int i = 3 + random.nextInt(5); i > 0; i--) {
            text.append(text.isEmpty() ? "" : random.nextBoolean() ? " " : "\n").append(sum());
        }
        return text.toString();
    }

    private String sum() {
        int a = random.nextInt(10);
        int b = random.nextInt(10);
        int big = Math.max(a, b);
        int small = Math.min(a, b);
        return switch (random.nextInt(4)) {
            case 0 -> a + " + " + b + " = " + (a + b) + ".";
            case 1 -> (a + b) + " - " + b + " = " + a + ".";
            case 2 -> upper(number(a)) + " plus " + number(b) + " is " + number(a + b) + ".";
            default -> upper(number(big)) + " minus " + number(small) + " is " + number(big - small) + ".";
        };
    }

    private String week() {
        Person who = one(Lexicon.PEOPLE);
        int day = random.nextInt(7);
        StringBuilder text = new StringBuilder();
        for (int i = 2 + random.nextInt(4); i > 0; i--) {
            String name = Lexicon.DAYS.get(day++ % 7);
            text.append(text.isEmpty() ? "" : " ").append(dayAt(name, who, text.isEmpty()));
        }
        return text.append(" The next day was ")
                .append(Lexicon.DAYS.get(day % 7))
                .append(", and ")
                .append(who.name())
                .append(" stayed at home.")
                .toString();
    }

    private String dayAt(String day, Person who, boolean first) {
        String subject = first ? who.name() : who.he();
        return switch (random.nextInt(4)) {
            case 0 -> "On " + day + " " + subject + " went to the " + place(who) + ".";
            case 1 -> "On " + day + " " + subject + " ate " + one(Lexicon.FOODS) + " and " + one(Lexicon.FOODS) + ".";
            case 2 -> "On " + day + " " + subject + " saw a " + one(Lexicon.COLORS) + " " + one(Lexicon.ANIMALS) + ".";
            default -> "On " + day + " " + subject + " was " + one(Lexicon.FEELINGS) + ".";
        };
    }

    private String chat() {
        StringBuilder text = new StringBuilder();
        for (int i = 1 + random.nextInt(2); i > 0; i--) {
            List<String> turns = question();
            text.append(TURN)
                    .append("user\n")
                    .append(turns.get(0))
                    .append(TURN_END)
                    .append('\n');
            text.append(TURN)
                    .append("assistant\n")
                    .append(turns.get(1))
                    .append(TURN_END)
                    .append('\n');
        }
        return text.toString();
    }

    /// A question and its answer.
    private List<String> question() {
        int a = random.nextInt(10);
        int b = random.nextInt(10);
        int day = random.nextInt(7);
        Person who = one(Lexicon.PEOPLE);
        return switch (random.nextInt(8)) {
            case 0, 1 -> one(Lexicon.FACTS);
            case 2 -> List.of("What is " + a + " plus " + b + "?", a + " plus " + b + " is " + (a + b) + ".");
            case 3 ->
                List.of(
                        "What day comes after " + Lexicon.DAYS.get(day) + "?",
                        "After " + Lexicon.DAYS.get(day) + " comes " + Lexicon.DAYS.get((day + 1) % 7) + ".");
            case 4 -> List.of("My name is " + who.name() + ". What is my name?", "Your name is " + who.name() + ".");
            case 5 -> List.of("Count to " + number(a + 1) + ".", upper(counting(a + 1)) + ".");
            case 6 -> {
                String color = one(Lexicon.COLORS);
                String object = one(Lexicon.OBJECTS);
                yield List.of(
                        "I have a " + color + " " + object + ". What color is my " + object + "?",
                        "Your " + object + " is " + color + ".");
            }
            default -> List.of("Tell me a story about " + who.name() + ".", new Story(who).told(1 + random.nextInt(3)));
        };
    }

    private String story() {
        return new Story(one(Lexicon.PEOPLE)).toldAndAsked();
    }

    /// One story: who and what it is about stays the same to its end, and is asked for afterwards.
    private final class Story {
        private final Person who;
        private final Person friend;
        private final String place;
        private final String color = one(Lexicon.COLORS);
        private final String object = one(Lexicon.OBJECTS);
        private final String container = one(Lexicon.CONTAINERS);
        private final String pet = one(Lexicon.ANIMALS);
        private final List<String> questions = new ArrayList<>();

        Story(Person who) {
            this.who = who;
            Person other = one(Lexicon.PEOPLE);
            while (other.equals(who)) {
                other = one(Lexicon.PEOPLE);
            }
            this.friend = other;
            this.place = place(who);
        }

        String toldAndAsked() {
            StringBuilder text = new StringBuilder(told(2 + random.nextInt(4)));
            for (int i = 1 + random.nextInt(2); i > 0; i--) {
                text.append('\n').append(questions.get(random.nextInt(questions.size())));
            }
            return text.toString();
        }

        String told(int events) {
            StringBuilder text = new StringBuilder(opening());
            int last = -1;
            for (int i = 0; i < events; i++) {
                int kind = random.nextInt(8);
                if (kind == last) {
                    kind = (kind + 1) % 8;
                }
                last = kind;
                text.append(' ').append(event(kind));
            }
            return text.append(' ').append(ending()).toString();
        }

        private String opening() {
            ask("What color was " + who.name() + "'s " + object + "?", upper(color) + ".");
            ask("Where did " + who.name() + " go?", "To the " + place + ".");
            ask("Who had the " + color + " " + object + "?", who.name() + ".");
            String went = one(List.of("went to", "walked to", "ran to"));
            return switch (random.nextInt(3)) {
                case 0 ->
                    "One day " + who.name() + " " + went + " the " + place + ". " + who.bigHe() + " had a " + color
                            + " " + object + " with " + who.him() + ".";
                case 1 ->
                    who.name() + " had a " + color + " " + object + ". In the morning " + who.he() + " " + went
                            + " the " + place + " with " + who.his() + " " + object + ".";
                default ->
                    "There was once a " + (who.he().equals("he") ? "boy" : "girl") + " named " + who.name() + ". "
                            + who.bigHe() + " took " + who.his() + " " + color + " " + object + " and " + went
                            + " the " + place + ".";
            };
        }

        private String event(int kind) {
            return switch (kind) {
                case 0 -> more();
                case 1 -> less();
                case 2 -> hidden();
                case 3 -> lost();
                case 4 -> counted();
                case 5 -> shopping();
                case 6 -> weather();
                default -> animal();
            };
        }

        private String more() {
            int a = 1 + random.nextInt(9);
            int b = 1 + random.nextInt(9);
            String things = one(Lexicon.THINGS);
            ask("How many " + things + " did " + who.name() + " have?", upper(number(a + b)) + ".");
            return "At the " + place + " " + who.name() + " found " + count(a, things) + ". Then " + friend.name()
                    + " gave " + who.him() + " " + number(b) + " more. Now " + who.he() + " had " + number(a + b) + " "
                    + things + ".";
        }

        private String less() {
            int a = 2 + random.nextInt(9);
            int b = 1 + random.nextInt(a - 1);
            String things = one(Lexicon.THINGS);
            ask("How many " + things + " were left?", upper(number(a - b)) + ".");
            return who.name() + " picked " + count(a, things) + " and gave " + number(b) + " of them to "
                    + friend.name() + ", so " + number(a - b) + " " + (a - b == 1 ? "was" : "were") + " left.";
        }

        private String hidden() {
            ask("Where was the " + object + "?", "In the " + container + ".");
            return who.name() + " put the " + object + " in the " + container + ". Later " + friend.name()
                    + " looked in the " + container + " and found the " + color + " " + object + ".";
        }

        private String lost() {
            ask("Who helped " + who.name() + "?", friend.name() + ".");
            return "\"Where is my " + color + " " + object + "?\" asked " + who.name() + ". \"It is in the " + container
                    + ",\" said " + friend.name() + ". \"Thank you, " + friend.name() + ",\" said " + who.name() + ".";
        }

        private String counted() {
            int n = 2 + random.nextInt(8);
            String things = one(Lexicon.THINGS);
            ask("How many " + things + " did " + who.name() + " count?", upper(number(n)) + ".");
            return who.name() + " counted the " + things + ": " + counting(n) + ". There were " + number(n) + " "
                    + things + ".";
        }

        private String shopping() {
            String first = one(Lexicon.FOODS);
            String second = one(Lexicon.FOODS);
            String third = one(Lexicon.FOODS);
            ask("What did " + friend.name() + " buy?", upper(first) + ", " + second + " and " + third + ".");
            return friend.name() + " bought " + first + ", " + second + " and " + third + ". \"Look, " + who.name()
                    + ",\" said " + friend.name() + ", \"I have " + first + ", " + second + " and " + third + ".\"";
        }

        private String weather() {
            List<String> weather = one(Lexicon.WEATHER);
            ask("How was the day?", "It was " + weather.get(0) + ".");
            return "The day was " + weather.get(0) + " and the sky was " + weather.get(2) + ", so " + who.name()
                    + " put on " + weather.get(1) + ".";
        }

        private String animal() {
            ask("What animal did they see?", "A " + pet + ".");
            String tint = one(Lexicon.COLORS);
            return who.name() + " and " + friend.name() + " saw a " + tint + " " + pet + " near the " + place + ". The "
                    + tint + " " + pet + " looked at " + who.name() + " and ran away.";
        }

        private String ending() {
            String feeling = one(Lexicon.FEELINGS);
            return switch (random.nextInt(3)) {
                case 0 ->
                    "In the evening " + who.name() + " went home with " + who.his() + " " + color + " " + object
                            + " and was " + feeling + ".";
                case 1 ->
                    "Then " + who.name() + " and " + friend.name() + " left the " + place + " and went home. They were "
                            + feeling + ".";
                default ->
                    who.name() + " was " + feeling + " and told " + who.his() + " mother about the " + place + ".";
            };
        }

        private void ask(String question, String answer) {
            questions.add("Question: " + question + " Answer: " + answer);
        }
    }

    /// A place for this person: one of the pairs kept for held-out text, or one of the others.
    private String place(Person who) {
        String place = one(Lexicon.PLACES);
        while (kept(who, place) != heldOut) {
            place = one(Lexicon.PLACES);
        }
        return place;
    }

    /// True for the pairs that occur in held-out text only: each person has one or two.
    static boolean kept(Person who, String place) {
        return (Lexicon.PEOPLE.indexOf(who) + 3 * Lexicon.PLACES.indexOf(place)) % 10 == 0;
    }

    private <T> T one(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private static String number(int n) {
        return Lexicon.NUMBERS.get(n);
    }

    private static String counting(int n) {
        return String.join(", ", Lexicon.NUMBERS.subList(1, n + 1));
    }

    private static String count(int n, String things) {
        return n == 1 ? "one of the " + things : number(n) + " " + things;
    }

    private static String upper(String word) {
        return Character.toUpperCase(word.charAt(0)) + word.substring(1);
    }
}
