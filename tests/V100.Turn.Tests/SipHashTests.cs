namespace V100.Turn.Tests;

public class SipHashTests
{
    [Fact]
    public void Three_words_are_the_first_24_bytes_of_the_reference_vector()
    {
        // Key 00..0f, message 00..17, as the reference implementation of the paper computes it.
        var hash = new SipHash(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        Assert.Equal(0xb8ad_50c6_f649_af94, hash.Compute(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908, 0x1716_1514_1312_1110));
    }
}
