namespace V100.Turn;

/// <summary>
/// The keys of names that have proven their password, so that only a name's first request costs their derivation. Who proves
/// nothing leaves nothing here. Of one thread.
/// </summary>
/// <remarks>A full cache is emptied: deriving a key again costs about a microsecond.</remarks>
internal sealed class CredentialCache
{
    public const int Capacity = 4096;

    private readonly Table _md5 = new();
    private readonly Table _sha256 = new();
    private TurnCredentials? _source;

    public int Count => _md5.Count + _sha256.Count;

    public bool TryFind(TurnCredentials credentials, PasswordAlgorithm algorithm, ReadOnlySpan<byte> name, out CredentialKey key)
    {
        if (!ReferenceEquals(_source, credentials))
        {
            // Users, secrets or the realm were replaced.
            Clear();
            _source = credentials;
        }

        return TableOf(algorithm).TryFind(name, out key);
    }

    /// <summary>Keeps a key that has just been proven.</summary>
    public void Add(PasswordAlgorithm algorithm, CredentialKey key)
    {
        if (Count >= Capacity)
        {
            Clear();
        }

        TableOf(algorithm).Set(key);
    }

    private void Clear()
    {
        _md5.Clear();
        _sha256.Clear();
    }

    private Table TableOf(PasswordAlgorithm algorithm) => algorithm == PasswordAlgorithm.Md5 ? _md5 : _sha256;

    /// <summary>
    /// Names to keys, asked with a view of a message in every request: open addressing, at most half full, so that a find is a hash, a
    /// comparison of it and one of the name. A dictionary takes three times as long, behind its comparer's interface.
    /// </summary>
    private sealed class Table
    {
        private const int FirstPlaces = 64;

        private Place[] _places = new Place[FirstPlaces];

        private readonly record struct Place(int Hash, CredentialKey? Key);

        public int Count { get; private set; }

        public bool TryFind(ReadOnlySpan<byte> name, out CredentialKey key)
        {
            ref Place place = ref Find(_places, ByteStringComparer.Instance.GetHashCode(name), name);
            key = place.Key!;
            return place.Key is not null;
        }

        public void Set(CredentialKey key)
        {
            if (2 * (Count + 1) > _places.Length)
            {
                Grow();
            }

            int hash = ByteStringComparer.Instance.GetHashCode(key.Name);
            ref Place place = ref Find(_places, hash, key.Name);
            Count += place.Key is null ? 1 : 0;
            place = new Place(hash, key);
        }

        public void Clear()
        {
            _places = new Place[FirstPlaces];
            Count = 0;
        }

        private void Grow()
        {
            var grown = new Place[2 * _places.Length];
            foreach (Place place in _places)
            {
                if (place.Key is { } key)
                {
                    Find(grown, place.Hash, key.Name) = place;
                }
            }

            _places = grown;
        }

        /// <summary>Where the name stands, or else the free place where it would.</summary>
        private static ref Place Find(Place[] places, int hash, ReadOnlySpan<byte> name)
        {
            for (int index = hash; ; index++)
            {
                ref Place place = ref places[index & (places.Length - 1)];
                if (place.Key is null || (place.Hash == hash && name.SequenceEqual(place.Key.Name)))
                {
                    return ref place;
                }
            }
        }
    }
}
