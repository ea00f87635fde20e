/** Tells the program something. What a listener throws ends as anywhere in Node, but keeps nothing from those told behind it. */
export function tell(emit: () => void): void {
  try {
    emit()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
