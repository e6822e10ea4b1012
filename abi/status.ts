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

/** Their numbers, as they are in memory: negative. */
export const errnoNumbers: Readonly<Record<Errno, number>> = {
  '-EPERM': -1,
  '-ENOENT': -2,
  '-ESRCH': -3,
  '-ENXIO': -6,
  '-E2BIG': -7,
  '-EAGAIN': -11,
  '-ENOMEM': -12,
  '-EACCES': -13,
  '-EFAULT': -14,
  '-EBUSY': -16,
  '-EEXIST': -17,
  '-EXDEV': -18,
  '-EINVAL': -22,
  '-EDOM': -33,
  '-ERANGE': -34,
  '-ENOSYS': -38,
  '-EOVERFLOW': -75,
  '-EILSEQ': -84,
  '-EOPNOTSUPP': -95,
};

/** A hypercall's value: a count or size (zero or more), or an errno name. */
export type Rc = number | Errno;
