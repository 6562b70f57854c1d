package dev.quern.methods;

import dev.quern.core.UsageException;

/// How a block's transforms are trained.
///
/// Rates are those of `Learned.Part`; `cosine` lets them fall to 0 along half a cosine; `clipNorm` limits the norm of
/// all
/// gradients together, 0 = no limit. `beta2` is Adam's. `maxCondition` is the largest condition number that a snapshot
/// may have.
record TrainingPlan(
        int epochs,
        int batch,
        double scaleRate,
        double matrixRate,
        double clipRate,
        boolean cosine,
        double clipNorm,
        double beta2,
        double maxCondition) {
    TrainingPlan {
        if (epochs < 1) {
            throw new UsageException("epochs is at least 1, not " + epochs);
        }
        if (batch < 1) {
            throw new UsageException("batch is at least 1, not " + batch);
        }
        if (!(scaleRate >= 0) || !(matrixRate >= 0) || !(clipRate >= 0)) {
            throw new UsageException("rates are not negative");
        }
    }

    static void checkTokens(int tokens) {
        if (tokens < 0) {
            throw new UsageException("tokens is not negative, unlike " + tokens + "; 0 = all");
        }
    }

    double rate(Learned.Part part) {
        return switch (part) {
            case SCALE, SHIFT -> scaleRate;
            case MATRIX -> matrixRate;
            case CLIP -> clipRate;
        };
    }

    /// The share of the rates that is left when `done` of all steps (0 … 1) are done.
    double schedule(double done) {
        return cosine ? 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done))) : 1;
    }
}
