/** The part of rules.ts that is about the control domain as one that shares. */

export const controlGrantRules = {
  G16: 'map_grant_ref of the control domain makes an entry of its page tables lead to the page',
  G17: 'unmap_grant_ref of the control domain ends the parts of a mapping that it names',
  G18: 'unmap_and_replace puts another entry where the mapping was',
  G19: 'get_status_frames says where the status frames of a table are',
  G20: 'transfer gives a page of the control domain to who accepts it',
  G21: 'write_back is for the caller’s pages and those it maps by a grant, and changes nothing',
} as const;

export const windowRules = {
  H1: 'map_foreign puts a page of a domain into a window of the control domain',
  H2: 'unmap_window empties a window',
  H3: 'the control domain accesses what its windows lead to, or faults',
  H4: 'a window holds its page',
  H5: 'the gfns of the control domain are machine frames',
} as const;

export const controlGrantRefusals = {
  'G16.1': ['general_error', 'the page in use is gone, though a handle names it'],
  'G16.2': ['general_error', 'there is no entry of the caller’s tables at the address'],
  'G17.1': ['bad_handle', 'the handle names no live mapping of the caller'],
  'G17.2': ['bad_dev_addr', 'the device address is not that of the frame'],
  'G17.3': ['general_error', 'what is at the address is not the mapping of the handle'],
  'G18.1': ['bad_handle', 'the handle names no live mapping of the caller'],
  'G18.2': ['general_error', 'the mapping was made by the address of an entry'],
  'G18.3': ['general_error', 'there is no entry of the caller’s tables at the new address'],
  'G18.4': ['general_error', 'what is at the address is not the mapping of the handle'],
  'G19.1': ['-EINVAL', 'the count is not 1'],
  'G19.2': ['bad_domain', 'there is no such domain'],
  'G19.3': ['general_error', 'the table has not so many status frames'],
  'G20.1': ['bad_page', 'the frame is no RAM of the caller’s own'],
  'G20.2': ['bad_page', 'somebody holds the page, or it was given up'],
  'G20.3': ['bad_domain', 'there is no such receiver'],
  'G20.4': ['general_error', 'the receiver is dying'],
  'G20.5': ['general_error', 'the receiver may not own another page'],
  'G20.6': ['general_error', 'the ref is outside the receiver’s table'],
  'G20.7': ['general_error', 'the entry is not one that accepts a page and nothing else'],
  'G20.8': ['general_error', 'the entry accepts a page of another domain'],
  'G20.9': ['general_error', 'there is a grant mapping at the gfn'],
  'G20.10': ['general_error', 'the gfn is beyond what a p2m can hold'],
  'G20.11': ['general_error', 'there is no table for the gfn, or an entry cannot be changed'],
  'G21.1': ['-EINVAL', 'the range leaves the page, or a bit is set that has no meaning'],
  'G21.2': ['-EINVAL', 'there is no such frame'],
  'G21.3': ['-EPERM', 'nobody has the page'],
  'G21.4': ['-EINVAL', 'the page is another’s, and the caller maps it by no grant'],
  'G21.5': ['-EOPNOTSUPP', 'what is not written back cannot be forgotten'],
} as const;

export const windowRefusals = {
  'H1.1': ['-ESRCH', 'there is no such domain'],
  'H1.2': ['-EINVAL', 'there is no such window'],
  'H1.3': ['-EBUSY', 'the page belongs to another domain than the one named'],
  'H1.4': ['-EINVAL', 'there is no page of the domain’s own at the gfn'],
  'H2.1': ['-EINVAL', 'there is no such window'],
  'H3.1': ['#PF', 'the window is empty'],
  'H3.2': ['#PF', 'the window is readonly'],
} as const;
