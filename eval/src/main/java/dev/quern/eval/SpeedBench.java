package dev.quern.eval;

import dev.quern.core.KvScheme;
import dev.quern.core.Progress;
import dev.quern.core.UsageException;
import dev.quern.runtime.Model;
import dev.quern.runtime.Session;
import java.util.Arrays;
import java.util.Random;

/// How fast a model runs, held against how fast this machine reads memory in the same run.
///
/// Speeds are medians over the repeats. `weightBytes` are those that one decoded token reads;
/// `readBytesPerSecond` is that times the decoded tokens per second. `kernel` names the kernels in use,
/// joined by `+`. `cacheBytesPerPosition` is what the KV cache holds for one position of the load, all
/// layers together.
public record SpeedBench(
        int threads,
        double prefillTokensPerSecond,
        double decodeTokensPerSecond,
        long weightBytes,
        double readBytesPerSecond,
        double memoryBandwidthBytesPerSecond,
        String kernel,
        double cacheBytesPerPosition) {
    /// What is run: the prompt's length, how many tokens are decoded after it, and how often.
    public record Load(int promptTokens, int genTokens, int repeat) {
        public Load {
            require("--prompt-tokens", promptTokens);
            require("--gen-tokens", genTokens);
            require("--repeat", repeat);
        }

        private static void require(String option, int value) {
            if (value < 1) {
                throw new UsageException(option + " " + value + ": at least 1");
            }
        }
    }

    /// The compiler has seen every hot loop often enough after so much time of work.
    private static final long WARM_UP_NANOS = 2_000_000_000L;

    /// Tokens of each part of the warm-up.
    private static final int WARM_UP_TOKENS = 64;

    /// Tokens of a warm-up's prompt: what lies behind it takes the ways of long contexts.
    private static final int WARM_UP_PROMPT = 160;

    /// Runs `load` on random tokens, after a warm-up that is not counted. `memoryBandwidth` is what
    /// `MemoryBandwidth` gave in this run, best before the model was opened: it takes memory too.
    public static SpeedBench of(Model model, Load load, double memoryBandwidth, Progress progress) {
        int[] prompt =
                new Random(0).ints(load.promptTokens(), 0, model.vocabSize()).toArray();
        Session session = new Session(model);
        progress.at("warm-up", 0, load.repeat());
        warmUp(session, prompt);
        double[] prefill = new double[load.repeat()];
        double[] decode = new double[load.repeat()];
        for (int r = 0; r < load.repeat(); r++) {
            session.truncate(0);
            long began = System.nanoTime();
            session.prefill(prompt);
            long prefilled = System.nanoTime();
            decode(session, prompt, load.genTokens());
            long ended = System.nanoTime();
            prefill[r] = load.promptTokens() * 1e9 / (prefilled - began);
            decode[r] = load.genTokens() * 1e9 / (ended - prefilled);
            progress.at("bench", r + 1L, load.repeat());
        }
        double decodeSpeed = median(decode);
        return new SpeedBench(
                model.workers().threads(),
                median(prefill),
                decodeSpeed,
                model.weightBytes(),
                decodeSpeed * model.weightBytes(),
                memoryBandwidth,
                String.join("+", model.kernels()),
                session.cacheBytes() / (double) room(load));
    }

    /// Positions that the cache has got room for, in whole blocks.
    private static long room(Load load) {
        int warmUp = Math.min(load.promptTokens(), WARM_UP_PROMPT) + WARM_UP_TOKENS;
        long most = Math.max(warmUp, (long) load.promptTokens() + load.genTokens());
        return Math.ceilDiv(most, KvScheme.BLOCK) * KvScheme.BLOCK;
    }

    private static void warmUp(Session session, int[] prompt) {
        int[] some = Arrays.copyOf(prompt, Math.min(prompt.length, WARM_UP_PROMPT));
        long until = System.nanoTime() + WARM_UP_NANOS;
        do {
            session.truncate(0);
            session.prefill(some);
            decode(session, some, WARM_UP_TOKENS);
        } while (System.nanoTime() < until);
    }

    private static void decode(Session session, int[] tokens, int count) {
        for (int i = 0; i < count; i++) {
            session.decode(tokens[i % tokens.length]);
        }
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }
}
