// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of known energy under the kernel's own RAPL driver: intel_rapl_common asks us for the
 * contents of registers and makes powercap zones of them, with its own names, units and rounding.
 *
 * A domain draws the power that was set, from the moment it was set, to the nanosecond. Registers
 * start at the given counts, so that they wrap when a test wants it.
 *
 * debugfs: rapl_shim/truth has a line "DOMAIN steps N read N" per domain, in steps of the
 * register without wrap: now, and as the driver last read it. rapl_shim/DOMAIN_mw is its power.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/intel_rapl.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/powercap.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#define REG_UNIT 0x606
#define REG_PACKAGE_LIMIT 0x610
/* Energy in 2^-14 J, power in 2^-3 W, time in 2^-10 s. */
#define UNITS 0xa0e03
#define PACKAGE_LIMIT 0x438640001a8640ULL

#define PJ_PER_J 1000000000000ULL

static uint start[RAPL_DOMAIN_MAX];
module_param_array(start, uint, NULL, 0444);
MODULE_PARM_DESC(start, "registers at first: package, core, uncore, dram, psys");
static uint mw[RAPL_DOMAIN_MAX] = { 60000, 40000, 5000, 8000, 90000 };
module_param_array(mw, uint, NULL, 0444);
MODULE_PARM_DESC(mw, "power at first, mW: package, core, uncore, dram, psys");

struct shim_domain {
	const char *name;
	u32 reg;
	u32 shift; /* a step is 2^-shift J; the kernel knows that dram of this CPU has its own */
	u64 mw;
	u64 since_ns; /* when mw was set */
	u64 settled_pj;
	u64 read_steps;
};

static struct shim_domain domains[RAPL_DOMAIN_MAX] = {
	[RAPL_DOMAIN_PACKAGE] = { "package", 0x611, 14 },
	[RAPL_DOMAIN_PP0] = { "core", 0x639, 14 },
	[RAPL_DOMAIN_PP1] = { "uncore", 0x641, 14 },
	[RAPL_DOMAIN_DRAM] = { "dram", 0x619, 16 },
	[RAPL_DOMAIN_PLATFORM] = { "psys", 0x64d, 14 },
};

static DEFINE_SPINLOCK(lock);
static struct dentry *debug_dir;
static struct rapl_package *package;

static struct rapl_if_priv priv = {
	.reg_unit = REG_UNIT,
	.regs[RAPL_DOMAIN_PACKAGE] = { REG_PACKAGE_LIMIT, 0x611 },
	.regs[RAPL_DOMAIN_PP0] = { 0x638, 0x639 },
	.regs[RAPL_DOMAIN_PP1] = { 0x640, 0x641 },
	.regs[RAPL_DOMAIN_DRAM] = { 0x618, 0x619 },
	.regs[RAPL_DOMAIN_PLATFORM] = { 0x65c, 0x64d },
	.limits[RAPL_DOMAIN_PACKAGE] = 1,
	.limits[RAPL_DOMAIN_PLATFORM] = 1,
};

/* mW times ns are pJ. */
static u64 energy_pj(const struct shim_domain *d, u64 now_ns)
{
	return d->settled_pj + (now_ns - d->since_ns) * d->mw;
}

static u64 steps_of(const struct shim_domain *d)
{
	u64 pj = energy_pj(d, ktime_get_ns());

	return start[d - domains] + mul_u64_u64_div_u64(pj, 1ULL << d->shift, PJ_PER_J);
}

static int read_register(int cpu, struct reg_action *action)
{
	u64 value = 0;
	int i;

	if (action->reg == REG_UNIT)
		value = UNITS;
	else if (action->reg == REG_PACKAGE_LIMIT)
		value = PACKAGE_LIMIT;
	spin_lock(&lock);
	for (i = 0; i < RAPL_DOMAIN_MAX; i++) {
		if (action->reg != domains[i].reg)
			continue;
		domains[i].read_steps = steps_of(&domains[i]);
		value = (u32)domains[i].read_steps;
	}
	spin_unlock(&lock);
	action->value = value & action->mask;
	return 0;
}

static int write_register(int cpu, struct reg_action *action)
{
	return 0;
}

static int get_mw(void *data, u64 *value)
{
	*value = ((struct shim_domain *)data)->mw;
	return 0;
}

static int set_mw(void *data, u64 value)
{
	struct shim_domain *d = data;
	u64 now_ns;

	spin_lock(&lock);
	now_ns = ktime_get_ns();
	d->settled_pj = energy_pj(d, now_ns);
	d->since_ns = now_ns;
	d->mw = value;
	spin_unlock(&lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(mw_fops, get_mw, set_mw, "%llu\n");

static int truth_show(struct seq_file *file, void *unused)
{
	int i;

	spin_lock(&lock);
	for (i = 0; i < RAPL_DOMAIN_MAX; i++)
		seq_printf(file, "%s steps %llu read %llu\n", domains[i].name,
			   steps_of(&domains[i]), domains[i].read_steps);
	spin_unlock(&lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

static void make_debugfs(void)
{
	char name[16];
	int i;

	debug_dir = debugfs_create_dir("rapl_shim", NULL);
	debugfs_create_file("truth", 0444, debug_dir, NULL, &truth_fops);
	for (i = 0; i < RAPL_DOMAIN_MAX; i++) {
		snprintf(name, sizeof(name), "%s_mw", domains[i].name);
		debugfs_create_file(name, 0644, debug_dir, &domains[i], &mw_fops);
	}
}

static int __init rapl_shim_init(void)
{
	int i;

	for (i = 0; i < RAPL_DOMAIN_MAX; i++) {
		domains[i].mw = mw[i];
		domains[i].since_ns = ktime_get_ns();
	}
	priv.read_raw = read_register;
	priv.write_raw = write_register;
	priv.control_type = powercap_register_control_type(NULL, "intel-rapl", NULL);
	if (IS_ERR(priv.control_type))
		return PTR_ERR(priv.control_type);
	cpus_read_lock();
	package = rapl_add_package(0, &priv);
	cpus_read_unlock();
	if (IS_ERR(package)) {
		powercap_unregister_control_type(priv.control_type);
		return PTR_ERR(package);
	}
	make_debugfs();
	return 0;
}

static void __exit rapl_shim_exit(void)
{
	debugfs_remove_recursive(debug_dir);
	cpus_read_lock();
	rapl_remove_package(package);
	cpus_read_unlock();
	powercap_unregister_control_type(priv.control_type);
}

module_init(rapl_shim_init);
module_exit(rapl_shim_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("registers of known energy for the kernel's RAPL driver, for tests");
