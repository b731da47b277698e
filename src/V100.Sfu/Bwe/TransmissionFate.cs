namespace V100.Sfu.Bwe;

/// <summary>What feedback said of a packet.</summary>
internal enum TransmissionFate : byte
{
    /// <summary>Nothing yet, or the feedback that did was lost.</summary>
    Unknown = 0,
    Missing = 1,
    Received = 2,

    /// <summary>The feedback about it was lost; it is taken to have come, and counts neither as loss nor as delay.</summary>
    Presumed = 3,
}
