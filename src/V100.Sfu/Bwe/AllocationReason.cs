namespace V100.Sfu.Bwe;

/// <summary>Why a subscription is sent what it is sent, and no more.</summary>
public enum AllocationReason
{
    /// <summary>The publisher sends nothing.</summary>
    NoLayerActive,

    /// <summary>The subscriber wants nothing at present.</summary>
    PausedByClient,

    /// <summary>The best that there is.</summary>
    Best,

    /// <summary>The best within what the subscriber asked for.</summary>
    ConstrainedByClient,

    /// <summary>More would not fit under the estimate.</summary>
    EstimateTooLow,

    /// <summary>More would fit, but not for long enough, or it failed lately.</summary>
    HoldingBack,
}

/// <summary>Who goes first: for base layers strictly in this order, above them by the weight of each.</summary>
public enum SubscriptionPriority
{
    Background,
    Normal,
    ActiveSpeaker,
    ScreenShare,
    Pinned,
}
