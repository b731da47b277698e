namespace V100.Sfu.Bwe;

/// <summary>Why an estimate is not higher.</summary>
public enum EstimateBound
{
    /// <summary>The controller that watches delays; the usual one.</summary>
    Delay = 0,

    /// <summary>Losses grow with the rate.</summary>
    Loss = 1,

    /// <summary>Too little is sent to learn whether more would fit.</summary>
    Demand = 2,

    /// <summary>The receiver said so.</summary>
    Remb = 3,

    /// <summary>Feedback stopped coming.</summary>
    Silence = 4,

    /// <summary>The configured ceiling.</summary>
    Ceiling = 5,
}
