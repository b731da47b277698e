namespace V100.Sfu.Tests.Quality;

/// <summary>
/// The whole of ITU-T G.107 (06/2015), 7.1 to 7.6, with the default values of its table 2 for all that is not given: nothing of it is taken from the code under test.
/// </summary>
internal static class FullEModel
{
    private const double Slr = 8, Rlr = 2, Stmr = 15, Ds = 3, Lstr = 18, Telr = 65, Wepl = 110, Qdu = 1, Nc = -70, Nfor = -64, Ps = 35, Pr = 35, Tr = 0;

    /// <param name="delayMs">One way: T = Ta.</param>
    /// <param name="lossPercent">Ppl, random.</param>
    /// <param name="ie">Of the codec.</param>
    /// <param name="bpl">Of the codec.</param>
    public static double Rating(double delayMs, double lossPercent, double ie, double bpl)
    {
        double ro = Ro(out double no);
        return ro - Is(ro, no, delayMs) - Id(ro, no, delayMs) - (ie + (95 - ie) * lossPercent / (lossPercent + bpl));
    }

    public static double Mos(double r) => r <= 0 ? 1 : r >= 100 ? 4.5 : 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;

    private static double Ro(out double no)
    {
        double olr = Slr + Rlr;
        double nos = Ps - Slr - Ds - 100 + 0.004 * Math.Pow(Ps - olr - Ds - 14, 2);
        double pre = Pr + 10 * Math.Log10(1 + Math.Pow(10, (10 - Lstr) / 10));
        double nor = Rlr - 121 + pre + 0.008 * Math.Pow(pre - 35, 2);
        double nfo = Nfor + Rlr;
        no = 10 * Math.Log10(Power(Nc) + Power(nos) + Power(nor) + Power(nfo));
        return 15 - 1.5 * (Slr + no);
    }

    private static double Is(double ro, double no, double t)
    {
        double xolr = Slr + Rlr + 0.2 * (64 + no - Rlr);
        double iolr = 20 * (Math.Pow(1 + Math.Pow(xolr / 8, 8), 1.0 / 8) - xolr / 8);
        double stmro = -10 * Math.Log10(Math.Pow(10, -Stmr / 10) + Math.Exp(-t / 4) * Math.Pow(10, -Telr / 10));
        double ist = 12 * Math.Pow(1 + Math.Pow((stmro - 13) / 6, 8), 1.0 / 8)
            - 28 * Math.Pow(1 + Math.Pow((stmro + 1) / 19.4, 35), 1.0 / 35)
            - 13 * Math.Pow(1 + Math.Pow((stmro - 3) / 33, 13), 1.0 / 13) + 29;
        double q = 37 - 15 * Math.Log10(Qdu);
        double g = 1.07 + 0.258 * q + 0.0602 * q * q;
        double iq = 15 * Math.Log10(1 + Math.Pow(10, (ro - 100) / 15) * Math.Pow(10, 46 / 8.4 - g / 9) + Math.Pow(10, 46 / 30.0 - g / 40));
        return iolr + ist + iq;
    }

    private static double Id(double ro, double no, double t)
    {
        double terv = Telr - 40 * Math.Log10((1 + t / 10) / (1 + t / 150)) + 6 * Math.Exp(-0.3 * t * t);
        double re = 80 + 2.5 * (terv - 14);
        double roe = -1.5 * (no - Rlr);
        double idte = ((roe - re) / 2 + Math.Sqrt(Math.Pow(roe - re, 2) / 4 + 100) - 1) * (1 - Math.Exp(-t));
        double rle = 10.5 * (Wepl + 7) * Math.Pow(Tr + 1, -0.25);
        double idle = (ro - rle) / 2 + Math.Sqrt(Math.Pow(ro - rle, 2) / 4 + 169);
        double x = Math.Log10(Math.Max(t, 100) / 100) / Math.Log10(2);
        double idd = t <= 100 ? 0 : 25 * (Math.Pow(1 + Math.Pow(x, 6), 1.0 / 6) - 3 * Math.Pow(1 + Math.Pow(x / 3, 6), 1.0 / 6) + 2);
        return idte + idle + idd;
    }

    private static double Power(double decibels) => Math.Pow(10, decibels / 10);
}
