namespace V100.Turn;

/// <summary>
/// The keys of names that have proven their password, so that only a name's first request costs their derivation. Who proves
/// nothing leaves nothing here. Of one thread.
/// </summary>
/// <remarks>A full cache is emptied: deriving a key again costs about a microsecond.</remarks>
internal sealed class CredentialCache
{
    public const int Capacity = 4096;

    private readonly Dictionary<byte[], CredentialKey>.AlternateLookup<ReadOnlySpan<byte>> _md5 = NewTable();
    private readonly Dictionary<byte[], CredentialKey>.AlternateLookup<ReadOnlySpan<byte>> _sha256 = NewTable();
    private TurnCredentials? _source;

    public int Count => _md5.Dictionary.Count + _sha256.Dictionary.Count;

    public bool TryFind(TurnCredentials credentials, PasswordAlgorithm algorithm, ReadOnlySpan<byte> name, out CredentialKey key)
    {
        if (!ReferenceEquals(_source, credentials))
        {
            // Users, secrets or the realm were replaced.
            Clear();
            _source = credentials;
        }

        return Table(algorithm).TryGetValue(name, out key!);
    }

    /// <summary>Keeps a key that has just been proven.</summary>
    public void Add(PasswordAlgorithm algorithm, CredentialKey key)
    {
        if (Count >= Capacity)
        {
            Clear();
        }

        Table(algorithm).Dictionary[key.Name] = key;
    }

    private void Clear()
    {
        _md5.Dictionary.Clear();
        _sha256.Dictionary.Clear();
    }

    private Dictionary<byte[], CredentialKey>.AlternateLookup<ReadOnlySpan<byte>> Table(PasswordAlgorithm algorithm) =>
        algorithm == PasswordAlgorithm.Md5 ? _md5 : _sha256;

    private static Dictionary<byte[], CredentialKey>.AlternateLookup<ReadOnlySpan<byte>> NewTable() =>
        new Dictionary<byte[], CredentialKey>(ByteStringComparer.Instance).GetAlternateLookup<ReadOnlySpan<byte>>();
}
