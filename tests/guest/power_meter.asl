// SPDX-License-Identifier: Apache-2.0
// An ACPI power meter (ACPI 6.5, 10.4) of known power: between 120 and 180 W in a triangle of 20 s of
// the machine's timer, so that a whole period has its mean of 150 W whenever it begins. The kernel's
// driver registers nothing for a meter without _PMD.
DefinitionBlock ("", "SSDT", 2, "KEPLER", "PMETER", 1)
{
	Scope (\_SB)
	{
		Device (PMTR)
		{
			Name (_HID, "ACPI000D")
			Name (_UID, 1)
			Name (_STA, 0x0F)
			Name (_PMC, Package ()
			{
				0x01,     // can measure, and nothing else
				0x00,     // milliwatts
				0x00,     // of what comes in
				100000,   // accuracy: 100 %
				100,      // sampled every 100 ms
				1000,     // shortest and longest average, ms
				60000,
				0,        // hysteresis
				0, 0, 0,  // no limit can be set
				"KEPLER-1", "0001", "KEPLER"
			})
			Name (_PMD, Package () { \_SB })
			Method (_PMM, 0, Serialized)
			{
				// Timer counts 100 ns; 6 W/s up, and down again.
				Divide (Timer (), 10000, , Local0)
				Divide (Local0, 20000, Local1, )
				If (Local1 > 10000)
				{
					Local1 = 20000 - Local1
				}
				Return (120000 + Local1 * 6)
			}
			Method (_PAI, 1) { Return (0) }
			Method (_GAI, 0) { Return (1000) }
		}
	}
}
