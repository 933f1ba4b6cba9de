// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps virtio devices out of suspend: the guest's file system is a 9p share, whose driver does not
 * come back from it. The rest of the machine is suspended as ever.
 */
#include <linux/module.h>
#include <linux/pci.h>

#define VIRTIO_VENDOR 0x1af4

static void keep_out(bool yes)
{
	struct pci_dev *pci = NULL;

	while ((pci = pci_get_device(VIRTIO_VENDOR, PCI_ANY_ID, pci)))
		dev_pm_syscore_device(&pci->dev, yes);
}

static int __init virtio_wakeful_init(void)
{
	keep_out(true);
	return 0;
}

static void __exit virtio_wakeful_exit(void)
{
	keep_out(false);
}

module_init(virtio_wakeful_init);
module_exit(virtio_wakeful_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("keeps virtio devices out of suspend, for tests");
