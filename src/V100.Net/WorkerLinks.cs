namespace V100.Net;

/// <summary>The rings between the workers of one process, one for each ordered pair: each has one writer and one reader.</summary>
public sealed class WorkerLinks<T>
{
    private readonly SpscRing<T>[] _rings;

    /// <param name="count">How many workers there are.</param>
    /// <param name="ringCapacity">Messages that one ring holds; a full ring refuses, and the writer drops and counts.</param>
    public WorkerLinks(int count, int ringCapacity)
    {
        Count = count;
        _rings = new SpscRing<T>[count * count];
        for (int index = 0; index < _rings.Length; index++)
        {
            // Nobody sends to himself.
            _rings[index] = new SpscRing<T>(index / count == index % count ? 1 : ringCapacity);
        }
    }

    public int Count { get; }

    public SpscRing<T> Ring(int from, int to) => _rings[from * Count + to];
}
