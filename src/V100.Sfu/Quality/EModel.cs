namespace V100.Sfu.Quality;

/// <summary>What speech comes through.</summary>
/// <param name="Loss">0 to 1, of the frames that nothing brought back.</param>
/// <param name="DelayMs">From mouth to ear, one way.</param>
/// <param name="BitrateBps">Of Opus while somebody speaks.</param>
public readonly record struct AudioInputs(double Loss, double DelayMs, double BitrateBps);

/// <summary>
/// How well two people talk over Opus, by the E-model: ITU-T G.107 (06/2015), R = Ro − Is − Id − Ie,eff + A, with the opinion that people have of it by its annex B.
/// </summary>
/// <remarks>
/// Ro and Is are those of the recommendation's default values (its table 2), as is A, 0. Of Id there is Idd, the delay itself (7.4), with the default sensitivity sT = 1, mT = 100 ms: echo is
/// cancelled in the clients, so Idte is left out. Ie,eff = Ie + (95 − Ie) · Ppl / (Ppl / BurstR + Bpl) (7.5) with random loss, BurstR = 1.
/// <para>
/// G.113 has no Opus. Ie and Bpl are those that Al-Ahmadi, Počta and Melvin measured (Instrumental Estimation of E-Model Equipment Impairment Factor Parameters for Super-Wideband Opus Codec, ISSC 2019; variable rate,
/// 14 to 40 kbit/s), Ie divided by 1.48, since they stand on the scale of the fullband model, whose R ends at 148 (G.107.2, annex A). Bpl is the median of their values from 16 kbit/s up, under random loss,
/// 9.8 to 11.8: one value for all rates, or more bits would at some rates make a lossy stream worse.
/// </para>
/// </remarks>
public static class EModel
{
    /// <summary>Ro − Is and what the listener's echo takes, with default values (G.107, 7.7).</summary>
    private const double DefaultRating = 93.2;

    private const double BestMos = 4.5;
    private const double OpusBpl = 10.5;
    private const double FullbandScale = 1.48;

    /// <summary>mT: shorter delays are not noticed.</summary>
    private const double NoticedDelayMs = 100;

    private static readonly (double Kbps, double Ie)[] _opus =
        [(14, 38.06), (16, 30.16), (19, 23.81), (22, 20.22), (25, 20.21), (28, 18.48), (31, 16.83), (34, 14.76), (37, 12.08), (40, 10.67)];

    /// <summary>The transmission rating R; at most 93.2, and negative where everything is bad.</summary>
    public static double Rate(in AudioInputs inputs) => DefaultRating - DelayImpairment(inputs.DelayMs) - EquipmentImpairment(inputs.BitrateBps, inputs.Loss);

    /// <summary>1 to 4.5.</summary>
    public static double Score(in AudioInputs inputs) => MosOf(Rate(in inputs));

    /// <summary>G.107, annex B. Below an R of 6.5 its polynomial goes under 1 and comes back: nothing is less than 1 there.</summary>
    public static double MosOf(double rating) => rating switch
    {
        <= 0 => 1,
        >= 100 => BestMos,
        _ => Math.Max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6),
    };

    /// <summary>Idd (G.107, 7.4).</summary>
    private static double DelayImpairment(double delayMs)
    {
        if (delayMs <= NoticedDelayMs)
        {
            return 0;
        }

        double x = Math.Log2(delayMs / NoticedDelayMs);
        return 25 * (Root(x) - 3 * Root(x / 3) + 2);
    }

    private static double Root(double x) => Math.Pow(1 + Math.Pow(x, 6), 1.0 / 6);

    private static double EquipmentImpairment(double bitrateBps, double loss)
    {
        double impairment = OpusIe(bitrateBps / 1000) / FullbandScale;
        double lossPercent = 100 * Math.Clamp(loss, 0, 1);
        return impairment + (95 - impairment) * lossPercent / (lossPercent + OpusBpl);
    }

    /// <summary>Between two measured rates on the line between them; beyond the ends as at the end.</summary>
    private static double OpusIe(double kbps)
    {
        for (int index = 1; index < _opus.Length; index++)
        {
            (double upper, double ie) = _opus[index];
            if (kbps < upper)
            {
                (double lower, double formerIe) = _opus[index - 1];
                return formerIe + (ie - formerIe) * Math.Max(0, kbps - lower) / (upper - lower);
            }
        }

        return _opus[^1].Ie;
    }
}
