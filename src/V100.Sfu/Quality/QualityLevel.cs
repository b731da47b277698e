namespace V100.Sfu.Quality;

/// <summary>
/// Says when a score is worth telling: it is the first, or it has crossed 4, 3 or 2 by more than a margin, so that one that lies at a threshold is not told again and again. A mutable struct.
/// </summary>
internal struct QualityLevel
{
    private const double Margin = 0.15;

    /// <summary>Thresholds below it, 0 to 3.</summary>
    private int _passed;
    private bool _isTold;

    /// <summary>What was told last; 0 for nothing.</summary>
    public double Told { get; private set; }

    /// <summary>True where <paramref name="score"/> is to be told.</summary>
    public bool Crosses(double score)
    {
        int passed = _passed;
        while (passed < 3 && score >= passed + 2 + Margin)
        {
            passed++;
        }

        while (passed > 0 && score < passed + 1 - Margin)
        {
            passed--;
        }

        if (_isTold && passed == _passed)
        {
            return false;
        }

        (_passed, _isTold, Told) = (passed, true, score);
        return true;
    }
}
