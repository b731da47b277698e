namespace V100.Net.Tests;

public class IpFieldsTests
{
    [Theory]
    [InlineData(255, 254, true)]
    [InlineData(2, 1, true)]
    [InlineData(1, 0, false)]
    [InlineData(0, 0, true)]
    public void A_packet_that_is_passed_on_has_one_hop_less(byte hopLimit, byte left, bool passes)
    {
        Assert.Equal(passes, new IpFields(0xB9, hopLimit).TryPassOn(out IpFields onward));
        Assert.Equal(new IpFields(0xB9, left), onward);
    }
}
