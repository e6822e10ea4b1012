/** Answers, under Xen's own names. */

/** Per-element status of a grant-table operation (`GNTST_*`). */
export const statuses = [
  'okay',
  'general_error',
  'bad_domain',
  'bad_gntref',
  'bad_handle',
  'bad_virt_addr',
  'bad_dev_addr',
  'no_device_space',
  'permission_denied',
  'bad_page',
  'bad_copy_arg',
  'address_too_big',
  'eagain',
  'no_space',
] as const;
export type Status = (typeof statuses)[number];

/** A negative hypercall value, by errno name. */
export const errnos = [
  '-EPERM',
  '-ENOENT',
  '-ESRCH',
  '-ENXIO',
  '-E2BIG',
  '-EAGAIN',
  '-ENOMEM',
  '-EACCES',
  '-EFAULT',
  '-EBUSY',
  '-EEXIST',
  '-EXDEV',
  '-EINVAL',
  '-ERANGE',
  '-ENOSYS',
  '-EOVERFLOW',
  '-EILSEQ',
  '-EDOM',
  '-EOPNOTSUPP',
] as const;
export type Errno = (typeof errnos)[number];

/** A hypercall's value: a count or size (zero or more), or an errno name. */
export type Rc = number | Errno;
