using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class RedPayloadTests
{
    [Fact]
    public void Every_block_header_gets_the_payload_type_and_nothing_else_changes()
    {
        byte[] payload = [0x80 | 111, 0x12, 0x34, 0x02, 0x80 | 111, 0x56, 0x78, 0x01, 111, 0xAA, 0xBB, 0xCC, 0xDD];
        Assert.True(RedPayload.TryRewrite(payload, 109));
        Assert.Equal([0x80 | 109, 0x12, 0x34, 0x02, 0x80 | 109, 0x56, 0x78, 0x01, 109, 0xAA, 0xBB, 0xCC, 0xDD], payload);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(8)]
    public void A_list_of_headers_without_an_end_is_refused(int length)
    {
        byte[] payload = new byte[length];
        payload.AsSpan().Fill(0xFF);
        Assert.False(RedPayload.TryRewrite(payload, 109));
    }
}
