package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.quern.core.BlockType;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;

/// Splits GGUF blocks into signed codes with a scale, and for some types a minimum, for each sub-block.
///
/// `bits` is the width the codes are kept at in panels (5 and 6 bits as 8, table values as 8), `group` the weights of a
/// sub-block. A weight is `scale · (code + bias) + minimum`; products of scale and code are exact in float, so the
/// value equals `BlockType.decode` to the bit. The parity contract compares every code of every type.
enum BlockCodes {
    Q4_0(BlockType.Q4_0, 4, 32, false, 0, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            nibbles(b, at + 2, codes, c, 8);
        }
    },
    Q4_1(BlockType.Q4_1, 4, 32, true, 8, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at);
            minimum[g] = half(b, at + 2);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            nibbles(b, at + 4, codes, c, 8);
        }
    },
    Q5_0(BlockType.Q5_0, 8, 32, false, 0, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            nibbles(b, at + 6, codes, c, 16);
            fifthBits(b.get(Tensor.INT, at + 2), codes, c);
        }
    },
    Q5_1(BlockType.Q5_1, 8, 32, true, 0, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at);
            minimum[g] = half(b, at + 2);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            nibbles(b, at + 8, codes, c, 0);
            fifthBits(b.get(Tensor.INT, at + 4), codes, c);
        }
    },
    Q8_0(BlockType.Q8_0, 8, 32, false, 0, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            MemorySegment.copy(b, JAVA_BYTE, at + 2, codes, c, 32);
        }
    },
    Q2_K(BlockType.Q2_K, 2, 16, true, 2, 80, 82) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at + 80);
            float dmin = half(b, at + 82);
            for (int sub = 0; sub < 16; sub++) {
                int packed = b.get(JAVA_BYTE, at + sub);
                scale[g + sub] = d * (packed & 15);
                minimum[g + sub] = -(dmin * (packed >> 4 & 15));
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            for (int i = 0; i < 256; i++) {
                int pair = b.get(JAVA_BYTE, at + 16 + 32 * (i / 128) + i % 32) >> 2 * (i % 128 / 32) & 3;
                codes[c + i] = (byte) (pair - 2);
            }
        }
    },
    Q3_K(BlockType.Q3_K, 4, 16, false, 0, 108, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at + 108);
            for (int sub = 0; sub < 16; sub++) {
                int low = b.get(JAVA_BYTE, at + 96 + sub % 8) >> 4 * (sub / 8) & 15;
                int high = b.get(JAVA_BYTE, at + 104 + sub % 4) >> 2 * (sub / 4) & 3;
                scale[g + sub] = d * ((low | high << 4) - 32);
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            for (int i = 0; i < 256; i++) {
                int pair = b.get(JAVA_BYTE, at + 32 + 32 * (i / 128) + i % 32) >> 2 * (i % 128 / 32) & 3;
                int third = b.get(JAVA_BYTE, at + i % 32) >> i / 32 & 1;
                codes[c + i] = (byte) (pair + 4 * third - 4);
            }
        }
    },
    Q4_K(BlockType.Q4_K, 4, 32, true, 8, 0, 2) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            sixBits(b, at, scale, minimum, g);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            for (int i = 0; i < 256; i++) {
                int nibble = b.get(JAVA_BYTE, at + 16 + 32 * (i / 64) + i % 32) >> 4 * (i / 32 & 1) & 15;
                codes[c + i] = (byte) (nibble - 8);
            }
        }
    },
    Q5_K(BlockType.Q5_K, 8, 32, true, 0, 0, 2) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            sixBits(b, at, scale, minimum, g);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            for (int i = 0; i < 256; i++) {
                int nibble = b.get(JAVA_BYTE, at + 48 + 32 * (i / 64) + i % 32) >> 4 * (i / 32 & 1) & 15;
                int fifth = b.get(JAVA_BYTE, at + 16 + i % 32) >> i / 32 & 1;
                codes[c + i] = (byte) (nibble + 16 * fifth);
            }
        }
    },
    Q6_K(BlockType.Q6_K, 8, 16, false, 0, 208, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at + 208);
            for (int sub = 0; sub < 16; sub++) {
                scale[g + sub] = d * b.get(JAVA_BYTE, at + 192 + sub);
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            for (int i = 0; i < 256; i++) {
                int quarter = i % 128 / 32;
                int low = b.get(JAVA_BYTE, at + 64 * (i / 128) + 32 * (quarter & 1) + i % 32) >> 4 * (quarter / 2) & 15;
                int high = b.get(JAVA_BYTE, at + 128 + 32 * (i / 128) + i % 32) >> 2 * quarter & 3;
                codes[c + i] = (byte) ((low | high << 4) - 32);
            }
        }
    },
    IQ4_NL(BlockType.IQ4_NL, 4, 32, false, 0, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            nibbles(b, at + 2, codes, c, 0);
            lookUp(codes, c, 32);
        }
    },
    IQ4_XS(BlockType.IQ4_XS, 4, 32, false, 0, 0, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at);
            int high = b.get(Tensor.SHORT, at + 2);
            for (int sub = 0; sub < 8; sub++) {
                int low = b.get(JAVA_BYTE, at + 4 + sub / 2) >> 4 * (sub & 1) & 15;
                scale[g + sub] = d * ((low | (high >> 2 * sub & 3) << 4) - 32);
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            for (int sub = 0; sub < 8; sub++) {
                nibbles(b, at + 8 + 16 * sub, codes, c + 32 * sub, 0);
            }
            lookUp(codes, c, 256);
        }
    },
    IQ2_XXS(BlockType.IQ2_XXS, 4, 32, false, 0, 0, -1, 0.125f) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at);
            for (int sub = 0; sub < 8; sub++) {
                scale[g + sub] = d * (2 * (b.get(JAVA_BYTE, at + 9 + 8 * sub) >> 4 & 15) + 1) * 0.125f;
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }
    },
    IQ2_XS(BlockType.IQ2_XS, 4, 16, false, 0, 0, -1, 0.125f) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            odd(b, at + 66, 16, half(b, at) * 0.125f, scale, g);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }
    },
    IQ2_S(BlockType.IQ2_S, 4, 16, false, 0, 0, -1, 0.125f) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            odd(b, at + 74, 16, half(b, at) * 0.125f, scale, g);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }
    },
    IQ3_XXS(BlockType.IQ3_XXS, 4, 32, false, 0, 0, -1, 0.25f) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at);
            for (int sub = 0; sub < 8; sub++) {
                scale[g + sub] = d * (2 * (b.get(JAVA_BYTE, at + 69 + 4 * sub) >> 4 & 15) + 1) * 0.25f;
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }
    },
    /// Its magnitudes are odd: 4-bit codes of steps of 2, half a step off.
    IQ3_S(BlockType.IQ3_S, 4, 32, true, 0.5f, 0, -1, 2) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            odd(b, at + 106, 8, half(b, at), scale, g);
            for (int sub = g; sub < g + 8; sub++) {
                scale[sub] *= 2;
                minimum[sub] = 0;
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 0.5f, g);
            for (int i = c; i < c + 256; i++) {
                codes[i] = (byte) (codes[i] >> 1);
            }
        }
    },
    IQ1_S(BlockType.IQ1_S, 2, 32, true, 0, 0, 0) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float d = half(b, at);
            for (int sub = 0; sub < 8; sub++) {
                int more = b.get(Tensor.SHORT, at + 34 + 2 * sub);
                scale[g + sub] = d * (2 * (more >> 12 & 7) + 1);
                minimum[g + sub] = scale[g + sub] * (more < 0 ? -0.125f : 0.125f);
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }

        @Override
        float minimumUnit(MemorySegment b, long at) {
            return half(b, at) * 0.125f;
        }
    },
    /// The shift changes every 8 weights: eighths of a step as codes.
    IQ1_M(BlockType.IQ1_M, 4, 16, false, 0, 0, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            float unit = unit(b, at);
            for (int sub = 0; sub < 16; sub++) {
                int three = b.get(Tensor.SHORT, at + 48 + 2 * (sub / 4)) >> 3 * (sub % 4) & 7;
                scale[g + sub] = unit * (2 * three + 1);
            }
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }

        @Override
        float unit(MemorySegment b, long at) {
            int half = 0;
            for (int i = 0; i < 4; i++) {
                half |= (b.get(Tensor.SHORT, at + 48 + 2 * i) >> 12 & 15) << 4 * i;
            }
            return Float.float16ToFloat((short) half) * 0.125f;
        }
    },
    TQ1_0(BlockType.TQ1_0, 2, 256, false, 0, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at + 52);
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
        }
    },
    TQ2_0(BlockType.TQ2_0, 2, 256, true, 1, -1, -1) {
        @Override
        void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
            scale[g] = half(b, at + 64);
            minimum[g] = 0;
        }

        @Override
        void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g) {
            wholes(b, at, codes, c, scale, 1, g);
            for (int i = c; i < c + 256; i++) {
                codes[i]--;
            }
        }
    };

    final BlockType type;
    final int bits;
    final int group;
    final boolean hasMinimum;
    final float bias;

    /// What 4-bit codes stand for; empty where they stand for themselves.
    final byte[] table;

    /// Where in a block lie the float16 that its scales and its minima are small multiples of; −1 = nowhere.
    private final int unitAt;

    private final int minimumUnitAt;

    /// What that float16 is multiplied by.
    private final float unitShare;

    BlockCodes(BlockType type, int bits, int group, boolean hasMinimum, float bias, int unitAt, int minimumUnitAt) {
        this(type, bits, group, hasMinimum, bias, unitAt, minimumUnitAt, 1);
    }

    BlockCodes(
            BlockType type,
            int bits,
            int group,
            boolean hasMinimum,
            float bias,
            int unitAt,
            int minimumUnitAt,
            float unitShare) {
        this.unitShare = unitShare;
        this.table = TableDot.USABLE ? table(type) : new byte[0];
        this.unitAt = unitAt;
        this.minimumUnitAt = minimumUnitAt;
        this.type = type;
        this.bits = this.table.length == 0 && table(type).length > 0 ? 8 : bits;
        this.group = group;
        this.hasMinimum = hasMinimum;
        this.bias = bias;
    }

    /// The values of a code where these are no run of whole numbers; wide vectors look 4-bit codes up, others take the
    /// values themselves as codes of 8 bits.
    private static byte[] table(BlockType type) {
        return switch (type) {
            case IQ4_NL, IQ4_XS -> NonLinear.VALUES.clone();
            case IQ2_XXS, IQ2_XS, IQ2_S -> new byte[] {-43, -25, -8, 8, 25, 43};
            case IQ3_XXS -> new byte[] {-62, -52, -44, -36, -28, -20, -12, -4, 4, 12, 20, 28, 36, 44, 52, 62};
            case IQ1_M -> new byte[] {-9, -7, -1, 1, 7, 9};
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ3_S, IQ1_S, TQ1_0, TQ2_0 -> new byte[0];
        };
    }

    /// The splitting of `type`.
    static BlockCodes of(BlockType type) {
        return valueOf(type.name());
    }

    /// Splits the block at byte `at`: codes from `c`, scales and minima from `g`.
    final void split(MemorySegment b, long at, byte[] codes, int c, float[] scale, float[] minimum, int g) {
        scales(b, at, scale, minimum, g);
        codes(b, at, codes, c, scale, g);
    }

    /// The scales of the block at byte `at`, and its minima if it has some, from `g`.
    abstract void scales(MemorySegment b, long at, float[] scale, float[] minimum, int g);

    /// Its codes from `c`; `scale` holds from `g` what `scales` found.
    abstract void codes(MemorySegment b, long at, byte[] codes, int c, float[] scale, int g);

    /// True if the scales are small integers times a unit for the block.
    boolean supers() {
        return unitAt >= 0;
    }

    /// The unit of the scales of the block at byte `at`.
    float unit(MemorySegment b, long at) {
        return half(b, at + unitAt) * unitShare;
    }

    /// The unit of its minima; 0 if it has none.
    float minimumUnit(MemorySegment b, long at) {
        return minimumUnitAt < 0 ? 0 : half(b, at + minimumUnitAt);
    }

    private static float half(MemorySegment b, long at) {
        return Float.float16ToFloat(b.get(Tensor.SHORT, at));
    }

    /// 16 bytes: low nibbles are weights 0–15, high ones 16–31; each less `middle`.
    private static void nibbles(MemorySegment b, long at, byte[] codes, int c, int middle) {
        for (int j = 0; j < 16; j++) {
            int pair = b.get(JAVA_BYTE, at + j);
            codes[c + j] = (byte) ((pair & 15) - middle);
            codes[c + j + 16] = (byte) ((pair >> 4 & 15) - middle);
        }
    }

    private static void fifthBits(int bits, byte[] codes, int c) {
        for (int j = 0; j < 32; j++) {
            codes[c + j] += (byte) ((bits >>> j & 1) << 4);
        }
    }

    private static void lookUp(byte[] codes, int c, int count) {
        byte[] nonLinear = NonLinear.VALUES;
        for (int j = c; j < c + count; j++) {
            codes[j] = nonLinear[codes[j]];
        }
    }

    /// `count` 4-bit scales s that stand for `2s + 1` units.
    private static void odd(MemorySegment b, long at, int count, float unit, float[] scale, int g) {
        for (int i = 0; i < count; i++) {
            scale[g + i] = unit * (2 * (b.get(JAVA_BYTE, at + i / 2) >> 4 * (i % 2) & 15) + 1);
        }
    }

    /// The codes of a block of 256 as its decoded values over their scales, which are whole numbers; a fraction (the
    /// part that a minimum adds) is rounded away. A step is `share` of a scale.
    void wholes(MemorySegment b, long at, byte[] codes, int c, float[] scale, float share, int g) {
        float[] values = new float[256];
        type.decode(b, at, values, 0);
        for (int i = 0; i < 256; i++) {
            float step = share * scale[g + i / group];
            codes[c + i] = (byte) (step == 0 ? 0 : Math.round(values[i] / step));
        }
    }

    /// d, dmin, then 12 bytes of eight 6-bit scales and eight 6-bit minima.
    private static void sixBits(MemorySegment b, long at, float[] scale, float[] minimum, int g) {
        float d = half(b, at);
        float dmin = half(b, at + 2);
        for (int sub = 0; sub < 4; sub++) {
            int low = b.get(JAVA_BYTE, at + 4 + sub);
            int high = b.get(JAVA_BYTE, at + 8 + sub);
            int both = b.get(JAVA_BYTE, at + 12 + sub);
            scale[g + sub] = d * (low & 63);
            minimum[g + sub] = -(dmin * (high & 63));
            scale[g + sub + 4] = d * (both & 15 | (low >> 6 & 3) << 4);
            minimum[g + sub + 4] = -(dmin * (both >> 4 & 15 | (high >> 6 & 3) << 4));
        }
    }

    /// The 16 values of the non-linear 4-bit types; apart, since constants need them while they are made.
    private static final class NonLinear {
        static final byte[] VALUES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    }
}
