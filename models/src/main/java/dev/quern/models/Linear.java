package dev.quern.models;

/// One matrix multiplication of the network: `y = x · Wᵀ (+ b)`, `W [outFeatures, inFeatures]`.
///
/// `index` is unique in the network and dense from 0, so an executor can keep its weights in an array. `layer` is −1
/// for
/// the head. `name` is the module's name in the Hugging Face scheme, without `.weight`.
public record Linear(int index, int layer, Role role, String name, int inFeatures, int outFeatures, boolean bias) {
    /// Weights, and the bias where there is one.
    public long parameters() {
        return (long) inFeatures * outFeatures + (bias ? outFeatures : 0);
    }

    /// Name of the weight in the Hugging Face scheme.
    public String weightName() {
        return name + ".weight";
    }

    /// Name of the bias in the Hugging Face scheme.
    public String biasName() {
        return name + ".bias";
    }
}
