// Tests count the DTLS sessions of the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
