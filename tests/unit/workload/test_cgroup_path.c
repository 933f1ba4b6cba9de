// SPDX-License-Identifier: Apache-2.0
/*
 * Every path below is one that some tool makes; the note says which. `inside` is the end of the
 * path that lies below the identity's own cgroup; `user` is the login user's id as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/cgroup_path.h"

#define A "0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccddeeff0"
#define B "ffeeddccbbaa99887766554433221100f0e9d8c7b6a5948372615f4e3d2c1b0a"
#define UID "6f1e0d2c-3b4a-4c5d-8e7f-a0b1c2d3e4f5"
#define UID_ "6f1e0d2c_3b4a_4c5d_8e7f_a0b1c2d3e4f5"
#define STATIC "5f0e1d2c3b4a59687786a5b4c3d2e1f0"
#define BURST "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"
#define BURST_SLICE "kubepods-burstable-pod" UID_ ".slice"
#define USER_SVC "/user.slice/user-1000.slice/user@1000.service"

struct path_case {
	const char *note;
	const char *path;
	enum cgroup_kind kind;
	const char *id;
	const char *runtime;
	const char *pod;
	const char *unit;
	const char *slice;
	const char *user;
	const char *inside;
};

#define CONTAINER(i, r) .kind = CGROUP_CONTAINER, .id = (i), .runtime = (r)
#define POD(p) .kind = CGROUP_POD, .pod = (p)
#define VM(i, r) .kind = CGROUP_VM, .id = (i), .runtime = (r)

static const struct path_case docker_and_podman[] = {
	{ "docker, cgroupfs driver", "/docker/" A, CONTAINER(A, "docker") },
	{ "docker, systemd driver", "/system.slice/docker-" A ".scope", CONTAINER(A, "docker"),
	  .slice = "system.slice" },
	{ "docker, systemd in the container", "/docker/" A "/system.slice/ssh.service",
	  CONTAINER(A, "docker"), .inside = "/system.slice/ssh.service" },
	{ "docker, systemd in the container, v2", "/system.slice/docker-" A ".scope/init.scope",
	  CONTAINER(A, "docker"), .slice = "system.slice", .inside = "/init.scope" },
	{ "docker rootless", USER_SVC "/user.slice/docker-" A ".scope", CONTAINER(A, "docker"),
	  .unit = "user@1000.service", .slice = "user.slice", .user = "1000" },
	{ "docker in docker", "/docker/" A "/docker/" B, CONTAINER(B, "docker") },
	{ "docker with --cgroup-parent", "/mygroup/" A, CONTAINER(A, "") },
	{ "docker with --cgroup-parent=x.slice", "/x.slice/docker-" A ".scope",
	  CONTAINER(A, "docker"), .slice = "x.slice" },
	{ "docker, slice name on the cgroupfs driver", "/system.slice:docker:" A,
	  CONTAINER(A, "docker"), .slice = "system.slice" },
	{ "docker build, cgroupfs driver", "/docker/buildkit/x1yz2ab3cd4ef5gh6ij7kl8mn",
	  CONTAINER("x1yz2ab3cd4ef5gh6ij7kl8mn", "docker") },
	{ "docker, cgroup just removed", "/docker/" A " (deleted)", CONTAINER(A, "docker"),
	  .inside = " (deleted)" },
	{ "dockerd itself", "/system.slice/docker.service", .unit = "docker.service",
	  .slice = "system.slice" },
	{ "the empty docker cgroup", "/docker", .inside = "/docker" },
	{ "63 digits are no id",
	  "/docker/0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccddeeff",
	  .inside = "/docker/0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566778899aabbccddeeff" },
	{ "GitHub Actions runner", "/actions_job/" A, CONTAINER(A, "") },
	{ "ECS, cgroup v1", "/ecs/" STATIC "/" A, CONTAINER(A, "") },
	{ "ECS, cgroup v2", "/ecstasks.slice/ecstasks-" STATIC ".slice/docker-" A ".scope",
	  CONTAINER(A, "docker"), .slice = "ecstasks-" STATIC ".slice" },
	{ "podman, cgroupfs manager", "/libpod_parent/libpod-" A, CONTAINER(A, "podman") },
	{ "podman, cgroupfs manager, nested", "/libpod_parent/libpod-" A "/child",
	  CONTAINER(A, "podman"), .inside = "/child" },
	{ "podman pod, cgroupfs manager", "/libpod_parent/" B "/libpod-" A,
	  CONTAINER(A, "podman") },
	{ "the pod's own cgroup", "/libpod_parent/" B, .inside = "/libpod_parent/" B },
	{ "podman conmon, cgroupfs manager", "/libpod_parent/conmon",
	  .inside = "/libpod_parent/conmon" },
	{ "podman, systemd manager", "/machine.slice/libpod-" A ".scope", CONTAINER(A, "podman"),
	  .slice = "machine.slice" },
	{ "podman, systemd manager, crun on v2", "/machine.slice/libpod-" A ".scope/container",
	  CONTAINER(A, "podman"), .slice = "machine.slice", .inside = "/container" },
	{ "podman pod, systemd manager",
	  "/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope/container",
	  CONTAINER(A, "podman"), .slice = "machine-libpod_pod_" B ".slice",
	  .inside = "/container" },
	{ "podman's conmon", "/machine.slice/libpod-conmon-" A ".scope",
	  .unit = "libpod-conmon-" A ".scope", .slice = "machine.slice" },
	{ "podman rootless", USER_SVC "/user.slice/libpod-" A ".scope/container",
	  CONTAINER(A, "podman"), .unit = "user@1000.service", .slice = "user.slice",
	  .user = "1000", .inside = "/container" },
	{ "podman rootless pod",
	  USER_SVC "/user.slice/user-libpod_pod_" B ".slice/libpod-" A ".scope",
	  CONTAINER(A, "podman"), .unit = "user@1000.service",
	  .slice = "user-libpod_pod_" B ".slice", .user = "1000" },
	{ "podman rootless conmon", USER_SVC "/user.slice/libpod-conmon-" A ".scope",
	  .unit = "libpod-conmon-" A ".scope", .slice = "user.slice", .user = "1000" },
	{ "podman rootless, pause process", USER_SVC "/user.slice/podman-pause-5c3a.scope",
	  .unit = "podman-pause-5c3a.scope", .slice = "user.slice", .user = "1000" },
	{ "podman quadlet", "/system.slice/web.service/libpod-payload-" A, CONTAINER(A, "podman"),
	  .unit = "web.service", .slice = "system.slice" },
	{ "podman quadlet, conmon and pasta", "/system.slice/web.service/runtime",
	  .unit = "web.service", .slice = "system.slice", .inside = "/runtime" },
	{ "podman rootless quadlet", USER_SVC "/app.slice/web.service/libpod-payload-" A,
	  CONTAINER(A, "podman"), .unit = "web.service", .slice = "app.slice", .user = "1000" },
	{ "podman health check", "/system.slice/" A ".service", .unit = A ".service",
	  .slice = "system.slice" },
	{ "podman in docker", "/docker/" B "/libpod_parent/libpod-" A, CONTAINER(A, "podman") },
	{ "docker's overlay mount", "/system.slice/var-lib-docker-overlay2-" A "-merged.mount",
	  .unit = "var-lib-docker-overlay2-" A "-merged.mount", .slice = "system.slice" },
};

static const struct path_case oci_runtimes[] = {
	{ "runc run NAME", "/feas-runc", .inside = "/feas-runc" },
	{ "crun run NAME", "/feas-crun", .inside = "/feas-crun" },
	{ "runc run with a long hex name", "/" A, CONTAINER(A, "") },
	{ "runc below its caller, v1", "/process_api/" A "/child", CONTAINER(A, ""),
	  .inside = "/child" },
	{ "runc --systemd-cgroup", "/system.slice/runc-web.scope", CONTAINER("web", "runc"),
	  .slice = "system.slice" },
	{ "runc, slice name without systemd", "/system.slice:runc:web", CONTAINER("web", "runc"),
	  .slice = "system.slice" },
	{ "runc with a prefix in the name", "/runc-web", CONTAINER("runc-web", "runc") },
	{ "crun --systemd-cgroup", "/system.slice/crun-web.scope/container",
	  CONTAINER("web", "crun"), .slice = "system.slice", .inside = "/container" },
	{ "crun rootless", USER_SVC "/user.slice/crun-web.scope", CONTAINER("web", "crun"),
	  .unit = "user@1000.service", .slice = "user.slice", .user = "1000" },
	{ "a service whose name starts like it", "/system.slice/runc-cleanup.service",
	  .unit = "runc-cleanup.service", .slice = "system.slice" },
	{ "buildah with crun", "/machine.slice/crun-buildah-buildah123456789.scope",
	  CONTAINER("buildah-buildah123456789", "crun"), .slice = "machine.slice" },
	{ "ctr run", "/default/redis", CONTAINER("redis", "containerd") },
	{ "ctr run, below", "/default/redis/worker", CONTAINER("redis", "containerd"),
	  .inside = "/worker" },
	{ "ctr -n k8s.io run", "/k8s.io/" A, CONTAINER(A, "containerd") },
	{ "ctr -n moby run", "/moby/probe-1", CONTAINER("probe-1", "containerd") },
	{ "buildkitd step", "/buildkit/x1yz2ab3cd4ef5gh6ij7kl8mn",
	  CONTAINER("x1yz2ab3cd4ef5gh6ij7kl8mn", "containerd") },
	{ "another namespace cannot be told", "/staging/redis", .inside = "/staging/redis" },
	{ "a namespace not at the root", "/foo/default/redis", .inside = "/foo/default/redis" },
	{ "the namespace's own cgroup", "/default", .inside = "/default" },
	{ "nerdctl, systemd", "/system.slice/nerdctl-" A ".scope", CONTAINER(A, "containerd"),
	  .slice = "system.slice" },
	{ "nerdctl, cgroupfs", "/default/" A, CONTAINER(A, "containerd") },
	{ "nerdctl rootless", USER_SVC "/user.slice/nerdctl-" A ".scope",
	  CONTAINER(A, "containerd"), .unit = "user@1000.service", .slice = "user.slice",
	  .user = "1000" },
	{ "containerd CRI, slice name without systemd", "/system.slice:cri-containerd:" A,
	  CONTAINER(A, "containerd"), .slice = "system.slice" },
	{ "containerd's mount of a task, cut to what fits",
	  "/system.slice/run-containerd-io.containerd.runtime.v2.task-k8s.io-" A "-rootfs.mount",
	  .unit = "run-containerd-io.containerd.runtime.v2.task-k8s.io-" A "-rootfs.mou",
	  .slice = "system.slice" },
	{ "a shim below its service", "/system.slice/containerd.service",
	  .unit = "containerd.service", .slice = "system.slice" },
	{ "kata sandbox", "/kubepods/burstable/pod" UID "/kata_" A, CONTAINER(A, ""), .pod = UID },
	{ "kata overhead", "/kata_overhead/" A, CONTAINER(A, "") },
};

static const struct path_case kubernetes[] = {
	{ "kubelet, cgroupfs driver", "/kubepods/burstable/pod" UID "/" A, CONTAINER(A, ""),
	  .pod = UID },
	{ "the same, best effort", "/kubepods/besteffort/pod" UID "/" A, CONTAINER(A, ""),
	  .pod = UID },
	{ "the same, guaranteed", "/kubepods/pod" UID "/" A, CONTAINER(A, ""), .pod = UID },
	{ "static pod", "/kubepods/burstable/pod" STATIC "/" A, CONTAINER(A, ""), .pod = STATIC },
	{ "a pod's own cgroup", "/kubepods/burstable/pod" UID, POD(UID) },
	{ "an odd child of a pod", "/kubepods/burstable/pod" UID "/init", POD(UID),
	  .inside = "/init" },
	{ "a QoS class", "/kubepods/burstable", .inside = "/kubepods/burstable" },
	{ "all pods", "/kubepods", .inside = "/kubepods" },
	{ "all pods, systemd", "/kubepods.slice", .slice = "kubepods.slice" },
	{ "containerd, systemd driver", BURST "/cri-containerd-" A ".scope",
	  CONTAINER(A, "containerd"), .pod = UID, .slice = BURST_SLICE },
	{ "containerd, systemd driver, below", BURST "/cri-containerd-" A ".scope/app/worker",
	  CONTAINER(A, "containerd"), .pod = UID, .slice = BURST_SLICE, .inside = "/app/worker" },
	{ "containerd, guaranteed",
	  "/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" A ".scope",
	  CONTAINER(A, "containerd"), .pod = UID, .slice = "kubepods-pod" UID_ ".slice" },
	{ "containerd, static pod",
	  "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" STATIC
	  ".slice/cri-containerd-" A ".scope",
	  CONTAINER(A, "containerd"), .pod = STATIC,
	  .slice = "kubepods-burstable-pod" STATIC ".slice" },
	{ "a pod's own slice", BURST, POD(UID), .slice = BURST_SLICE },
	{ "a guaranteed pod's own slice", "/kubepods.slice/kubepods-pod" UID_ ".slice", POD(UID),
	  .slice = "kubepods-pod" UID_ ".slice" },
	{ "docker-shim, systemd driver", BURST "/docker-" A ".scope", CONTAINER(A, "docker"),
	  .pod = UID, .slice = BURST_SLICE },
	{ "CRI-O", BURST "/crio-" A ".scope", CONTAINER(A, "cri-o"), .pod = UID,
	  .slice = BURST_SLICE },
	{ "CRI-O with crun", BURST "/crio-" A ".scope/container", CONTAINER(A, "cri-o"), .pod = UID,
	  .slice = BURST_SLICE, .inside = "/container" },
	{ "CRI-O's conmon in the pod", BURST "/crio-conmon-" A ".scope", POD(UID),
	  .slice = BURST_SLICE, .inside = "/crio-conmon-" A ".scope" },
	{ "CRI-O's conmon in system.slice", "/system.slice/crio-conmon-" A ".scope",
	  .unit = "crio-conmon-" A ".scope", .slice = "system.slice" },
	{ "CRI-O, cgroupfs driver", "/kubepods/burstable/pod" UID "/crio-" A, CONTAINER(A, "cri-o"),
	  .pod = UID },
	{ "CRI-O's conmon, cgroupfs driver", "/kubepods/burstable/pod" UID "/crio-conmon-" A,
	  POD(UID), .inside = "/crio-conmon-" A },
	{ "CRI-O, v1, systemd in the container",
	  BURST "/crio-" A ".scope/system.slice/httpd.service", CONTAINER(A, "cri-o"), .pod = UID,
	  .slice = BURST_SLICE, .inside = "/system.slice/httpd.service" },
	{ "slice name without systemd, v1",
	  "/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" A,
	  CONTAINER(A, "containerd"), .pod = UID, .unit = "containerd.service",
	  .slice = "system.slice" },
	{ "slice name without systemd, at the root",
	  "/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" A, CONTAINER(A, "containerd"),
	  .pod = UID, .slice = "kubepods-besteffort-pod" UID_ ".slice" },
	{ "kind, systemd driver",
	  "/docker/" B "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
	  "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" A ".scope",
	  CONTAINER(A, "containerd"), .pod = UID },
	{ "kind on a systemd docker",
	  "/system.slice/docker-" B ".scope/kubelet.slice/kubelet-kubepods.slice/"
	  "kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" A ".scope",
	  CONTAINER(A, "containerd"), .pod = UID, .slice = "system.slice" },
	{ "kind, cgroupfs driver", "/docker/" B "/kubelet/kubepods/besteffort/pod" UID "/" A,
	  CONTAINER(A, ""), .pod = UID },
	{ "kind, the node's own services", "/docker/" B "/system.slice/containerd.service",
	  CONTAINER(B, "docker"), .inside = "/system.slice/containerd.service" },
	{ "kind, a pod's own cgroup", "/docker/" B "/kubelet/kubepods/besteffort/pod" UID,
	  POD(UID) },
	{ "minikube on podman",
	  "/machine.slice/libpod-" B ".scope/kubepods.slice/kubepods-pod" UID_ ".slice/docker-" A
	  ".scope",
	  CONTAINER(A, "docker"), .pod = UID, .slice = "machine.slice" },
	{ "k3d", "/docker/" B "/kubepods/burstable/pod" UID "/" A, CONTAINER(A, ""), .pod = UID },
	{ "k3s, own containerd, v1", "/system.slice/k3s.service/kubepods/besteffort/pod" UID "/" A,
	  CONTAINER(A, ""), .pod = UID, .unit = "k3s.service", .slice = "system.slice" },
	{ "k3s, v2", BURST "/cri-containerd-" A ".scope", CONTAINER(A, "containerd"), .pod = UID,
	  .slice = BURST_SLICE },
	{ "rke2, v1",
	  "/system.slice/rke2-server.service/kubepods-burstable-pod" UID_
	  ".slice:cri-containerd:" A,
	  CONTAINER(A, "containerd"), .pod = UID, .unit = "rke2-server.service",
	  .slice = "system.slice" },
	{ "microk8s", "/kubepods/burstable/pod" UID "/" A, CONTAINER(A, ""), .pod = UID },
	{ "microk8s, its containerd", "/system.slice/snap.microk8s.daemon-containerd.service",
	  .unit = "snap.microk8s.daemon-containerd.service", .slice = "system.slice" },
	{ "seen from a cgroup namespace", "/../../pod" UID "/" A, CONTAINER(A, ""), .pod = UID },
	{ "the same from the node's root", "/../../kubepods/burstable/pod" UID "/" A,
	  CONTAINER(A, ""), .pod = UID },
	{ "the same, systemd driver", "/../cri-containerd-" A ".scope",
	  CONTAINER(A, "containerd") },
	{ "docker in a pod", BURST "/cri-containerd-" B ".scope/docker/" A, CONTAINER(A, "docker"),
	  .pod = UID, .slice = BURST_SLICE },
	{ "KubeVirt: the machine is its pod's container",
	  BURST "/crio-" A ".scope/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
	  CONTAINER(A, "cri-o"), .pod = UID, .slice = BURST_SLICE,
	  .inside = "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope" },
	{ "kubelet itself", "/system.slice/kubelet.service", .unit = "kubelet.service",
	  .slice = "system.slice" },
	{ "kubelet on systemd 252 with its own slice", "/kubelet.slice/kubelet.service",
	  .unit = "kubelet.service", .slice = "kubelet.slice" },
	{ "a pod name that only looks like a uid", "/kubepods/podcast",
	  .inside = "/kubepods/podcast" },
	{ "a volume mount of a pod", "/system.slice/var-lib-kubelet-pods-" UID "-volumes-x.mount",
	  .unit = "var-lib-kubelet-pods-" UID "-volumes-x.mount", .slice = "system.slice" },
};

static const struct path_case other_containers[] = {
	{ "LXC 3 and before", "/lxc/web", CONTAINER("web", "lxc") },
	{ "LXC 4 and later", "/lxc.payload.l1", CONTAINER("l1", "lxc") },
	{ "LXC 4.0.0", "/lxc.payload/web", CONTAINER("web", "lxc") },
	{ "LXC with systemd inside", "/lxc.payload.l1/system.slice/ssh.service",
	  CONTAINER("l1", "lxc"), .inside = "/system.slice/ssh.service" },
	{ "LXC's monitor", "/lxc.monitor.l1", .inside = "/lxc.monitor.l1" },
	{ "LXC 4.0.0's monitor", "/lxc.monitor/l1", .inside = "/lxc.monitor/l1" },
	{ "LXC's pivot", "/lxc.pivot", .inside = "/lxc.pivot" },
	{ "LXC in LXC", "/lxc.payload.outer/lxc.payload.inner", CONTAINER("inner", "lxc") },
	{ "LXD or Incus project", "/lxc.payload.build_web", CONTAINER("build_web", "lxc") },
	{ "LXD's daemon", "/system.slice/snap.lxd.daemon.service",
	  .unit = "snap.lxd.daemon.service", .slice = "system.slice" },
	{ "LXC unprivileged, v1", "/user.slice/user-1000.slice/session-3.scope/lxc/web",
	  CONTAINER("web", "lxc"), .unit = "session-3.scope", .slice = "user-1000.slice",
	  .user = "1000" },
	{ "Proxmox container", "/lxc/101/ns", CONTAINER("101", "lxc"), .inside = "/ns" },
	{ "Proxmox container, service", "/lxc/101/ns/system.slice/cron.service",
	  CONTAINER("101", "lxc"), .inside = "/ns/system.slice/cron.service" },
	{ "Proxmox monitor", "/lxc.monitor/101", .inside = "/lxc.monitor/101" },
	{ "docker in a Proxmox container", "/lxc/101/ns/docker/" A, CONTAINER(A, "docker") },
	{ "podman in LXD", "/lxc.payload.l1/machine.slice/libpod-" A ".scope",
	  CONTAINER(A, "podman") },
	{ "nspawn by machinectl", "/machine.slice/systemd-nspawn@deb.service/payload",
	  CONTAINER("deb", "nspawn"), .slice = "machine.slice" },
	{ "nspawn by machinectl, inside",
	  "/machine.slice/systemd-nspawn@deb.service/payload/system.slice/cron.service",
	  CONTAINER("deb", "nspawn"), .slice = "machine.slice",
	  .inside = "/system.slice/cron.service" },
	{ "nspawn's supervisor", "/machine.slice/systemd-nspawn@deb.service/supervisor",
	  .unit = "systemd-nspawn@deb.service", .slice = "machine.slice" },
	{ "nspawn by machinectl, v1", "/machine.slice/systemd-nspawn@deb.service",
	  CONTAINER("deb", "nspawn"), .slice = "machine.slice" },
	{ "nspawn on the command line", "/machine.slice/machine-deb.scope/payload",
	  CONTAINER("deb", "nspawn"), .slice = "machine.slice" },
	{ "nspawn, escaped name", "/machine.slice/machine-build\\x2dbox.scope",
	  CONTAINER("build-box", "nspawn"), .slice = "machine.slice" },
	{ "nspawn, escaped template", "/machine.slice/systemd-nspawn@build\\x2dbox.service",
	  CONTAINER("build-box", "nspawn"), .slice = "machine.slice" },
	{ "nspawn on the command line, supervisor", "/machine.slice/machine-deb.scope/supervisor",
	  .unit = "machine-deb.scope", .slice = "machine.slice" },
	{ "libvirt LXC", "/machine.slice/machine-lxc\\x2d4679\\x2dweb.scope",
	  CONTAINER("lxc-4679-web", "libvirt"), .slice = "machine.slice" },
	{ "Nomad, v1", "/nomad/" UID ".web", CONTAINER(UID ".web", "nomad") },
	{ "Nomad, v2", "/nomad.slice/" UID ".web.scope", CONTAINER(UID ".web", "nomad"),
	  .slice = "nomad.slice" },
	{ "Nomad, v2 with core partitions", "/nomad.slice/share.slice/" UID ".web.scope",
	  CONTAINER(UID ".web", "nomad"), .slice = "share.slice" },
	{ "Nomad's docker driver", "/nomad.slice/share.slice/docker-" A ".scope",
	  CONTAINER(A, "docker"), .slice = "share.slice" },
	{ "Nomad's agent", "/system.slice/nomad.service", .unit = "nomad.service",
	  .slice = "system.slice" },
	{ "a uuid elsewhere", "/batch/" UID ".web", .inside = "/batch/" UID ".web" },
};

static const struct path_case machines[] = {
	{ "libvirt without systemd, main thread", "/machine/qemu-1-vm-alpha.libvirt-qemu/emulator",
	  VM("machine-qemu-1-vm-alpha", "libvirt"), .inside = "/emulator" },
	{ "libvirt without systemd, vCPU", "/machine/qemu-1-vm-alpha.libvirt-qemu/vcpu1",
	  VM("machine-qemu-1-vm-alpha", "libvirt"), .inside = "/vcpu1" },
	{ "libvirt with systemd, vCPU",
	  "/machine.slice/machine-qemu\\x2d1\\x2dvmalpha.scope/libvirt/vcpu0",
	  VM("machine-qemu-1-vmalpha", "libvirt"), .slice = "machine.slice",
	  .inside = "/libvirt/vcpu0" },
	{ "libvirt with systemd, scope", "/machine.slice/machine-qemu\\x2d6\\x2dcirros.scope",
	  VM("machine-qemu-6-cirros", "libvirt"), .slice = "machine.slice" },
	{ "libvirt, dashes in the name",
	  "/machine.slice/machine-qemu\\x2d12\\x2dvm\\x2dalpha\\x2dtwo.scope/libvirt/emulator",
	  VM("machine-qemu-12-vm-alpha-two", "libvirt"), .slice = "machine.slice",
	  .inside = "/libvirt/emulator" },
	{ "a scope made by hand", "/machine.slice/machine-qemu-1-vmalpha.scope",
	  VM("machine-qemu-1-vmalpha", "libvirt"), .slice = "machine.slice" },
	{ "libvirt 1.0", "/libvirt/qemu/web/vcpu0", VM("machine-qemu-web", "libvirt"),
	  .inside = "/vcpu0" },
	{ "libvirt 1.1", "/machine/web.libvirt-qemu/vcpu0", VM("machine-web", "libvirt"),
	  .inside = "/vcpu0" },
	{ "OpenStack",
	  "/machine.slice/machine-qemu\\x2d3\\x2dinstance\\x2d0000002a.scope/libvirt/vcpu3",
	  VM("machine-qemu-3-instance-0000002a", "libvirt"), .slice = "machine.slice",
	  .inside = "/libvirt/vcpu3" },
	{ "libvirt, cloud-hypervisor", "/machine.slice/machine-ch\\x2d2\\x2dweb.scope",
	  VM("machine-ch-2-web", "libvirt"), .slice = "machine.slice" },
	{ "Proxmox machine", "/qemu.slice/100.scope", VM("qemu-100", "proxmox"),
	  .slice = "qemu.slice" },
	{ "libvirtd", "/system.slice/libvirtd.service", .unit = "libvirtd.service",
	  .slice = "system.slice" },
};

static const struct path_case host[] = {
	{ "the root", "/", .inside = "/" },
	{ "nothing", "", .inside = "" },
	{ "no leading slash", "docker/" A, CONTAINER(A, "docker") },
	{ "pid 1", "/init.scope", .unit = "init.scope" },
	{ "a service", "/system.slice/ssh.service", .unit = "ssh.service",
	  .slice = "system.slice" },
	{ "a template", "/system.slice/system-getty.slice/getty@tty1.service",
	  .unit = "getty@tty1.service", .slice = "system-getty.slice" },
	{ "a socket", "/system.slice/ssh.socket", .unit = "ssh.socket", .slice = "system.slice" },
	{ "a mount", "/dev-hugepages.mount", .unit = "dev-hugepages.mount" },
	{ "udev's workers", "/system.slice/systemd-udevd.service/udev",
	  .unit = "systemd-udevd.service", .slice = "system.slice", .inside = "/udev" },
	{ "delegated to a service with units of its own", "/system.slice/ci.service/init.scope",
	  .unit = "ci.service", .slice = "system.slice", .inside = "/init.scope" },
	{ "Slurm", "/system.slice/slurmstepd.scope/job_12/step_0/user/task_0",
	  .unit = "slurmstepd.scope", .slice = "system.slice",
	  .inside = "/job_12/step_0/user/task_0" },
	{ "a name that clashes with a controller's", "/system.slice/_memory.service",
	  .unit = "memory.service", .slice = "system.slice" },
	{ "a login session", "/user.slice/user-1000.slice/session-3.scope",
	  .unit = "session-3.scope", .slice = "user-1000.slice", .user = "1000" },
	{ "root's session", "/user.slice/user-0.slice/session-1.scope", .unit = "session-1.scope",
	  .slice = "user-0.slice", .user = "0" },
	{ "a user's manager", USER_SVC "/init.scope", .unit = "init.scope",
	  .slice = "user-1000.slice", .user = "1000" },
	{ "a user's manager, v1", USER_SVC, .unit = "user@1000.service", .slice = "user-1000.slice",
	  .user = "1000" },
	{ "a user's service", USER_SVC "/app.slice/app-foo.service", .unit = "app-foo.service",
	  .slice = "app.slice", .user = "1000" },
	{ "a desktop program", USER_SVC "/app.slice/app-gnome-firefox-4242.scope",
	  .unit = "app-gnome-firefox-4242.scope", .slice = "app.slice", .user = "1000" },
	{ "a terminal's tab",
	  USER_SVC "/app.slice/app-org.gnome.Terminal.slice/vte-spawn-" UID ".scope",
	  .unit = "vte-spawn-" UID ".scope", .slice = "app-org.gnome.Terminal.slice",
	  .user = "1000" },
	{ "a user without a session", "/user.slice/user-1000.slice", .slice = "user-1000.slice",
	  .user = "1000" },
	{ "nobody in particular", "/user.slice", .slice = "user.slice" },
	{ "a uid that is no number", "/user.slice/user-dev.slice", .slice = "user-dev.slice" },
	{ "a uid that is too large", "/user.slice/user-4294967295.slice",
	  .slice = "user-4294967295.slice" },
	{ "systemd-run", "/system.slice/run-r" STATIC ".service", .unit = "run-r" STATIC ".service",
	  .slice = "system.slice" },
	{ "systemd-run --slice", "/batch.slice/batch-night.slice/run-u7.scope",
	  .unit = "run-u7.scope", .slice = "batch-night.slice" },
	{ "an operator's own", "/mygroup/worker", .inside = "/mygroup/worker" },
	{ "a plain child of a slice", "/system.slice/mygroup", .slice = "system.slice",
	  .inside = "/mygroup" },
	{ "OpenRC", "/openrc.sshd", .inside = "/openrc.sshd" },
	{ "a removed service", "/system.slice/foo.service (deleted)", .unit = "foo.service",
	  .slice = "system.slice", .inside = " (deleted)" },
	{ "doubled slashes", "//docker//" A "/", CONTAINER(A, "docker"), .inside = "/" },
	{ "bytes nobody can print", "/system.slice/a\xff\x01.service", .unit = "a??.service",
	  .slice = "system.slice" },
	{ "a name of suffixes only", "/.slice/.service/.scope",
	  .inside = "/.slice/.service/.scope" },
};

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void check_case(const struct path_case *c)
{
	struct cgroup_identity got;
	size_t inside = strlen(or_empty(c->inside));

	cgroup_path_parse(c->path, &got);
	if (got.kind != c->kind || strcmp(got.id, or_empty(c->id)) != 0 ||
	    got.prefix_len + inside != strlen(c->path))
		print_error("%s: %s: kind %d id %s prefix %u\n", c->note, c->path, (int)got.kind,
			    got.id, got.prefix_len);
	assert_int_equal(got.kind, c->kind);
	assert_string_equal(got.id, or_empty(c->id));
	assert_string_equal(got.runtime, or_empty(c->runtime));
	assert_string_equal(got.pod_uid, or_empty(c->pod));
	assert_string_equal(got.unit, or_empty(c->unit));
	assert_string_equal(got.slice, or_empty(c->slice));
	assert_int_equal(got.uid, c->user ? atoll(c->user) : -1);
	assert_int_equal(got.prefix_len + inside, strlen(c->path));
	assert_string_equal(c->path + got.prefix_len, or_empty(c->inside));
}

/* The identity's own cgroup is the same identity: what the registry relies on to fold children. */
static void check_prefix(const struct path_case *c)
{
	struct cgroup_identity whole;
	struct cgroup_identity own;
	char prefix[1024];

	cgroup_path_parse(c->path, &whole);
	snprintf(prefix, sizeof(prefix), "%.*s", (int)whole.prefix_len, c->path);
	cgroup_path_parse(prefix, &own);
	assert_memory_equal(&own, &whole, sizeof(own));
}

static void check_table(const struct path_case *cases, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		check_case(&cases[i]);
		check_prefix(&cases[i]);
	}
}

#define TABLE_TEST(table)                              \
	static void test_##table(void **state)         \
	{                                              \
		check_table(table, ARRAY_SIZE(table)); \
	}

TABLE_TEST(docker_and_podman)
TABLE_TEST(oci_runtimes)
TABLE_TEST(kubernetes)
TABLE_TEST(other_containers)
TABLE_TEST(machines)
TABLE_TEST(host)

/* Names of any length are cut or refused, never overrun. */
static void test_limits(void **state)
{
	static const char *const forms[] = {
		"/lxc.payload.%s",
		"/default/%s",
		"/system.slice/runc-%s.scope",
		"/%s.slice/%s.service",
		"/machine.slice/machine-%s.scope",
		"/machine.slice/machine-qemu\\x2d%s.scope",
		"/machine/qemu-1-%s.libvirt-qemu",
	};
	struct cgroup_identity got;
	char name[4096];
	char path[9000];

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		for (size_t len = 1; len < sizeof(name); len += len < 140 ? 1 : 977) {
			memset(name, 'a', len);
			name[len] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(path, sizeof(path), forms[i], name, name);
#pragma GCC diagnostic pop
			cgroup_path_parse(path, &got);
			assert_true(strlen(got.id) < CGROUP_ID_MAX);
			assert_true(strlen(got.unit) < CGROUP_UNIT_MAX);
			assert_true(strlen(got.slice) < CGROUP_UNIT_MAX);
			assert_true(got.prefix_len <= strlen(path));
			/* A container is named in full or not at all: two must not become one. */
			if (got.kind == CGROUP_CONTAINER)
				assert_non_null(strstr(path, got.id));
			if (got.kind == CGROUP_CONTAINER && got.id[0] == 'a')
				assert_int_equal(strlen(got.id), len);
		}
	}
	assert_true(ARRAY_SIZE(docker_and_podman) + ARRAY_SIZE(oci_runtimes) +
			    ARRAY_SIZE(kubernetes) + ARRAY_SIZE(other_containers) +
			    ARRAY_SIZE(machines) + ARRAY_SIZE(host) >=
		    100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker_and_podman),
		cmocka_unit_test(test_oci_runtimes),
		cmocka_unit_test(test_kubernetes),
		cmocka_unit_test(test_other_containers),
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("workload/cgroup_path", tests, NULL, NULL);
}
